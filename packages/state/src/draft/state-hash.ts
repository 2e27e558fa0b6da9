import type { Uuid } from '@tidemark/core'
import { bytesOf, type Bytes, kindOf } from './kinds.ts'

/** Where in a state something is. */
export interface Place {
  readonly lo: number
  readonly hi: number
}

// Stored with every transaction and snapshot: never change what comes out.
const LO = 0x01000193
const HI = 0x5bd1e995
const TAGS = {
  undefined: 1,
  null: 2,
  boolean: 3,
  number: 4,
  bigint: 5,
  string: 6,
  array: 7,
  record: 8,
  map: 9,
  set: 10,
  date: 11,
  bytes: 12,
  constant: 13,
  regexp: 13,
  member: 14,
  length: 15,
} as const

export const ROOT: Place = { lo: 0x811c9dc5 | 0, hi: 0x2545f491 }

const number = new Float64Array(1)
const words = new Int32Array(number.buffer)

// The two lanes of what is being mixed; an object per value would cost more than the mixing.
let lo = 0
let hi = 0

/**
 * The hash of a state: the sum over all that is in it of hashes of what it is and where. As a sum, it follows a change at
 * the cost of the change. 64 bits, of which 53 are told; tells accidents apart, not adversaries. The order of a record's
 * names, of a Map and of a Set does not count.
 */
export class StateHash {
  lo: number
  hi: number

  constructor(start: Place = { lo: 0, hi: 0 }) {
    this.lo = start.lo
    this.hi = start.hi
  }

  static of(value: unknown): StateHash {
    const hash = new StateHash()
    hash.add(ROOT, value)
    return hash
  }

  /** A safe integer. */
  get check(): number {
    return (this.hi >>> 11) * 0x1_0000_0000 + (this.lo >>> 0)
  }

  add(place: Place, value: unknown): void {
    this.#count(place, value, 1)
  }

  subtract(place: Place, value: unknown): void {
    this.#count(place, value, -1)
  }

  /** Of an array, whose holes count too. */
  countLength(place: Place, length: number, sign: 1 | -1): void {
    start(place, TAGS.length)
    mixNumber(length)
    this.#take(sign)
  }

  #count(place: Place, value: unknown, sign: 1 | -1): void {
    if (typeof value !== 'object' || value === null) {
      mixPrimitive(place, value)
      return this.#take(sign)
    }
    const kind = kindOf(value)
    start(place, TAGS[kind ?? 'undefined'])
    if (kind === 'date') mixNumber((value as Date).getTime())
    else if (kind === 'bytes') mixBytes(value as Bytes)
    else if (kind === 'regexp') mixText((value as RegExp).toString())
    else if (kind === 'constant') mixText((value as Uuid).text)
    this.#take(sign)
    if (kind === 'array') this.#countArray(place, value as unknown[], sign)
    else if (kind === 'map') {
      for (const [key, element] of value as Map<unknown, unknown>) this.#count(within(place, key), element, sign)
    } else if (kind === 'set') {
      for (const member of value as Set<unknown>) this.#countMember(place, member, sign)
    } else if (kind === 'record') {
      for (const name of Object.keys(value))
        this.#count(within(place, name), (value as Record<string, unknown>)[name], sign)
    }
  }

  #countArray(place: Place, value: readonly unknown[], sign: 1 | -1): void {
    this.countLength(place, value.length, sign)
    for (let i = 0; i < value.length; i++) if (i in value) this.#count(within(place, i), value[i], sign)
  }

  /** Of a Set. */
  addMember(place: Place, member: unknown): void {
    this.#countMember(place, member, 1)
  }

  subtractMember(place: Place, member: unknown): void {
    this.#countMember(place, member, -1)
  }

  #countMember(place: Place, member: unknown, sign: 1 | -1): void {
    start(place, TAGS.member)
    this.#count({ lo, hi }, member, sign)
  }

  #take(sign: 1 | -1): void {
    finish()
    this.lo = (this.lo + sign * lo) | 0
    this.hi = (this.hi + sign * hi) | 0
  }
}

/** The place of what a container holds under a key, a name or an index. */
export function within(place: Place, key: unknown): Place {
  if (typeof key === 'object' && key !== null) {
    const content = StateHash.of(key)
    start(place, TAGS.map)
    mix(content.lo)
    mix(content.hi)
  } else {
    mixPrimitive(place, key)
  }
  return { lo, hi }
}

function mixPrimitive(place: Place, value: unknown): void {
  switch (typeof value) {
    case 'string':
      start(place, TAGS.string)
      return mixText(value)
    case 'number':
      start(place, TAGS.number)
      return mixNumber(value)
    case 'boolean':
      start(place, TAGS.boolean)
      return mix(value ? 1 : 2)
    case 'bigint':
      start(place, TAGS.bigint)
      return mixText(String(value))
    default:
      start(place, value === null ? TAGS.null : TAGS.undefined)
  }
}

function start(place: Place, tag: number): void {
  lo = place.lo
  hi = place.hi
  mix(tag)
}

function mix(word: number): void {
  lo = Math.imul(lo ^ word, LO)
  lo ^= lo >>> 15
  hi = Math.imul(hi ^ word, HI)
  hi ^= hi >>> 13
}

function mixNumber(value: number): void {
  // All the same number, whatever its bits.
  number[0] = Number.isNaN(value) ? Number.NaN : value
  mix(words[0]!)
  mix(words[1]!)
}

function mixText(text: string): void {
  for (let i = 0; i < text.length; i++) mix(text.charCodeAt(i))
  mix(-text.length)
}

function mixBytes(value: Bytes): void {
  const bytes = bytesOf(value)
  mixText(Object.prototype.toString.call(value))
  for (let i = 0; i < bytes.length; i++) mix(bytes[i]!)
  mix(-bytes.length)
}

/** MurmurHash3's finalizer (https://github.com/aappleby/smhasher), so that sums of similar ones do not cancel out. */
function finish(): void {
  lo = finished(lo)
  hi = finished(hi ^ lo)
}

function finished(lane: number): number {
  let h = lane ^ (lane >>> 16)
  h = Math.imul(h, 0x85ebca6b)
  h ^= h >>> 13
  h = Math.imul(h, 0xc2b2ae35)
  return h ^ (h >>> 16)
}
