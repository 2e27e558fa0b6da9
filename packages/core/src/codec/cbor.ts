import { Encoder } from 'cbor-x'
import { CorruptError, TidemarkError } from '../errors.ts'
import type { Codec } from './codec.ts'

export function createCborCodec(): Codec {
  const cbor = new Encoder({ useRecords: false, variableMapSize: true, mapsAsObjects: true, copyBuffers: true })
  return {
    id: 1,
    encode(value) {
      try {
        return new Uint8Array(cbor.encode(value))
      } catch (cause) {
        throw new TidemarkError('UNENCODABLE', 'cannot be encoded', { cause })
      }
    },
    decode(bytes) {
      try {
        return cbor.decode(new Uint8Array(bytes))
      } catch (cause) {
        throw new CorruptError('not a CBOR value', { cause })
      }
    },
  }
}
