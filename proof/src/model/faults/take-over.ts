import type { Actor } from '../world.ts'

/** A replica that lags, or a snapshot file that is old, becomes the server. Connections have to be made anew. */
export const takeOver: Actor = (state, { scenario, flaw }, emit) => {
  const { takeover, maxCopies } = scenario
  const { servers, copy, spent } = state
  const [server, next] = servers
  if (takeover === undefined || server === undefined || next !== undefined) return
  const { kind, zombie } = takeover
  if (spent.copies < maxCopies && copy !== server) {
    const label = kind === 'restart' ? 'S0 saves a snapshot' : 'S0 is replicated'
    emit(label, { ...state, copy: server, spent: { ...spent, copies: spent.copies + 1 } })
  }
  const { watermark } = server
  const becomes = copy && flaw === 'watermark-outside-front' ? { ...copy, watermark } : copy
  const gone = { ...state, servers: [undefined, becomes], copy: undefined }
  if (kind === 'restart') emit('S0 restarts from its snapshot, as S1', gone)
  else emit('S1 takes over, S0 is dead', gone)
  if (zombie) emit('S1 takes over, S0 goes on', { ...state, servers: [server, becomes], copy: undefined })
}
