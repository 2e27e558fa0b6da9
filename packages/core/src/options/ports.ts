import { type Clock, systemClock } from '../clock.ts'
import { createCborCodec } from '../codec/cbor.ts'
import type { Codec } from '../codec/codec.ts'
import { port } from './checks.ts'

/** CBOR, JSON, compressed, encrypted. */
const OWN_IDS: readonly number[] = [1, 2, 16, 32]
const FIRST_FREE_ID = 64

/** The clock that was given, or that of the machine. @throws TypeError when it is none */
export function clockOption(given: Clock | undefined): Clock {
  return port('option clock', given ?? systemClock, ['now', 'monotonic', 'schedule', 'sleep'])
}

/** The codec that was given, or CBOR. @throws TypeError when it is none; RangeError for an id that is kept for codecs to come */
export function codecOption(given: Codec | undefined): Codec {
  return codecPort('option codec', given ?? createCborCodec())
}

/** @throws as {@link codecOption} does, naming the argument */
export function codecPort(name: string, given: Codec): Codec {
  const { id } = port(name, given, ['encode', 'decode'])
  if (OWN_IDS.includes(id) || (Number.isInteger(id) && id >= FIRST_FREE_ID && id <= 0xff)) return given
  throw new RangeError(
    `${name} has the id ${String(id)}; of codecs of applications it is an integer from ${FIRST_FREE_ID} to 255`,
  )
}
