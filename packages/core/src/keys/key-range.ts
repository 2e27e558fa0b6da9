import { assertKnown } from '../options/checks.ts'
import { isTuple, toTuple, type Key } from './key.ts'
import { encodeTuple } from './tuple-encoding.ts'
import { compareBytes } from './tuple-order.ts'

/** A contiguous range of encoded keys. Empty when `end` is not after `start`. */
export interface KeyRange {
  /** Inclusive. */
  readonly start: Uint8Array
  /** Exclusive; undefined = no bound. */
  readonly end: Uint8Array | undefined
}

/** Bounds are keys in full, in the order of `compareTuples`: `gt: ['a']` includes `['a', 1]`, which comes after `['a']`. */
export interface RangeOptions {
  /** Only keys whose first parts are these. */
  readonly prefix?: Key | readonly []
  readonly gte?: Key
  readonly gt?: Key
  readonly lt?: Key
  readonly lte?: Key
}

export const ALL_KEYS: KeyRange = Object.freeze({ start: new Uint8Array(0), end: undefined })

/**
 * All keys whose tuple starts with these parts, `prefix` itself included. Parts match whole: `['us']` is no prefix of
 * `['user']`. The empty tuple is the prefix of every key.
 */
export function prefixRange(prefix: Key | readonly []): KeyRange {
  if (isTuple(prefix) && prefix.length === 0) return ALL_KEYS
  const start = encodeTuple(toTuple(prefix as Key))
  // What continues a key is a type code, all below 0xff; what continues its last string beyond a zero is an escape, 0xff.
  return { start, end: withByte(start, 0xff) }
}

/**
 * The keys that satisfy every given bound.
 *
 * @throws TypeError when both `gte` and `gt`, or both `lt` and `lte`, are given, or for an unknown option.
 */
export function rangeOf(options: RangeOptions): KeyRange {
  assertKnown(options, RANGE_OPTIONS, 'the range')
  const { prefix, gte, gt, lt, lte } = options
  if (gte !== undefined && gt !== undefined) throw new TypeError('a range has one lower bound: gte or gt, not both')
  if (lte !== undefined && lt !== undefined) throw new TypeError('a range has one upper bound: lt or lte, not both')
  let { start, end } = prefix === undefined ? ALL_KEYS : prefixRange(prefix)
  const lower = gte === undefined ? after(gt) : encodeTuple(toTuple(gte))
  const upper = lt === undefined ? after(lte) : encodeTuple(toTuple(lt))
  if (lower !== undefined && compareBytes(lower, start) > 0) start = lower
  if (upper !== undefined && (end === undefined || compareBytes(upper, end) < 0)) end = upper
  return { start, end }
}

export const RANGE_OPTIONS: readonly (keyof RangeOptions)[] = ['prefix', 'gte', 'gt', 'lt', 'lte']

export function inRange(range: KeyRange, bytes: Uint8Array): boolean {
  return compareBytes(bytes, range.start) >= 0 && (range.end === undefined || compareBytes(bytes, range.end) < 0)
}

/** What of a range lies outside of another one, in key order. The other one has an end. */
export function rangeWithout({ start, end }: KeyRange, hole: KeyRange): readonly KeyRange[] {
  const after = hole.end!
  const parts = [
    { start, end: end !== undefined && compareBytes(end, hole.start) < 0 ? end : hole.start },
    { start: compareBytes(start, after) > 0 ? start : after, end },
  ]
  return parts.filter((part) => part.end === undefined || compareBytes(part.start, part.end) < 0)
}

/** The first byte string after a key: no key lies between the two. */
function after(key: Key | undefined): Uint8Array | undefined {
  return key === undefined ? undefined : withByte(encodeTuple(toTuple(key)), 0)
}

function withByte(bytes: Uint8Array, byte: number): Uint8Array {
  const longer = new Uint8Array(bytes.length + 1)
  longer.set(bytes)
  longer[bytes.length] = byte
  return longer
}
