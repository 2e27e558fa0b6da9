import { invalidPart, type KeyPart, type KeyTuple } from './key.ts'
import { Uuid } from './uuid.ts'

/**
 * The order of keys: part by part, a shorter tuple before its extensions. Parts of different types are ordered as
 * bytes < string < bigint < number < false < true < Uuid < Date; strings by code point, numbers by value.
 * The same order as `compareBytes` gives for their encodings.
 */
export function compareTuples(a: KeyTuple, b: KeyTuple): number {
  const shared = Math.min(a.length, b.length)
  for (let i = 0; i < shared; i++) {
    const order = compareParts(a[i]!, b[i]!)
    if (order !== 0) return order
  }
  return a.length - b.length
}

/** Unsigned bytewise order, a prefix before what it starts: the order in which SQLite sorts BLOBs. */
export function compareBytes(a: Uint8Array, b: Uint8Array): number {
  const shared = Math.min(a.length, b.length)
  for (let i = 0; i < shared; i++) {
    const order = a[i]! - b[i]!
    if (order !== 0) return order
  }
  return a.length - b.length
}

function compareParts(a: KeyPart, b: KeyPart): number {
  const rank = rankOf(a)
  const order = rank - rankOf(b)
  if (order !== 0) return order
  switch (rank) {
    case Rank.bytes:
      return compareBytes(a as Uint8Array, b as Uint8Array)
    case Rank.string:
      return compareCodePoints(a as string, b as string)
    case Rank.uuid:
      return compare((a as Uuid).text, (b as Uuid).text)
    case Rank.date:
      return (a as Date).getTime() - (b as Date).getTime()
    default:
      return compare(a as number | bigint | boolean, b as number | bigint | boolean)
  }
}

const Rank = { bytes: 1, string: 2, bigint: 3, number: 4, boolean: 5, uuid: 6, date: 7 } as const

function rankOf(part: KeyPart): number {
  switch (typeof part) {
    case 'string':
      return Rank.string
    case 'number':
      return Rank.number
    case 'bigint':
      return Rank.bigint
    case 'boolean':
      return Rank.boolean
    default:
      if (part instanceof Uint8Array) return Rank.bytes
      if (part instanceof Date) return Rank.date
      if (part instanceof Uuid) return Rank.uuid
      throw invalidPart(part)
  }
}

function compare<T extends string | number | bigint | boolean>(a: T, b: T): number {
  return a < b ? -1 : a > b ? 1 : 0
}

/** UTF-16 sorts U+E000..U+FFFF after the surrogates of what lies beyond them; UTF-8, which the encoding uses, does not. */
function compareCodePoints(a: string, b: string): number {
  const shared = Math.min(a.length, b.length)
  for (let i = 0; i < shared; i++) {
    const x = a.charCodeAt(i)
    const y = b.charCodeAt(i)
    if (x !== y) return codePointRank(x) - codePointRank(y)
  }
  return a.length - b.length
}

function codePointRank(unit: number): number {
  if (unit < 0xd800) return unit
  return unit < 0xe000 ? unit + 0x2000 : unit - 0x800
}
