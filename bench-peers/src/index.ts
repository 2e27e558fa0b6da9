export { MEMORY_ENTRIES, type Peer, TTL_MS } from './peer.ts'
