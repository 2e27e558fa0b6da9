import { type Clock, systemClock } from '../clock.ts'
import { createCborCodec } from '../codec/cbor.ts'
import type { Codec } from '../codec/codec.ts'
import { port } from './checks.ts'

/** The clock that was given, or that of the machine. @throws TypeError when it is none */
export function clockOption(given: Clock | undefined): Clock {
  return port('option clock', given ?? systemClock, ['now', 'monotonic', 'schedule', 'sleep'])
}

/** The codec that was given, or CBOR. @throws TypeError when it is none */
export function codecOption(given: Codec | undefined): Codec {
  return port('option codec', given ?? createCborCodec(), ['encode', 'decode'])
}
