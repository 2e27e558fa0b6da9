export type { AlgorithmName } from './compression/algorithm.ts'
export { compressed, type CompressionOptions } from './compression/compressed.ts'
export { encrypted, type EncryptionOptions } from './encryption/encrypted.ts'
export type { EncryptionKey } from './encryption/key-ring.ts'
