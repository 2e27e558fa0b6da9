import { Payload, type Found } from '@tidemark/core'
import { describe, expect, test } from 'vitest'
import { type DecodeContext, decodeRecord, encodeRecord } from '../src/record.ts'
import { stripeOf, STRIPES } from '../src/stripes.ts'
import { codec, key } from './support/changes.ts'

const EPOCH = '0a1b2c3d'
const UNTIL = 1_800_000_000_000

const value = encodeRecord({
  epoch: EPOCH,
  version: 1234567890123456,
  until: UNTIL,
  entry: {
    payload: Payload.fromBytes(codec, Uint8Array.of(1, 1, 0x18, 0x2a)),
    writtenAt: 1_700_000_000_000,
    expiresAt: 1_900_000_000_000,
    meta: Payload.fromBytes(codec, Uint8Array.of(1, 1, 0xf5)),
  },
})
const negative = encodeRecord({ epoch: EPOCH, version: 7, until: UNTIL, entry: undefined })

function decode(bytes: Buffer, more: Partial<DecodeContext> = {}): Found | string {
  return decodeRecord(bytes, key('k'), { epoch: Buffer.from(EPOCH), codec, now: UNTIL - 1, tier: 'redis', ...more })
}

describe('the stored form', () => {
  // What a release stores, every later one reads: these bytes never change.
  test('of a value', () => {
    expect(value.subarray(0, 26).toString()).toBe('V00a1b2c3d1234567890123456')
    expect(value.subarray(26).toString('hex')).toBe(
      '01' + '427a3185c5000000' + '4278bcfe56800000' + '427ba60d33800000' + '00000003' + '0101f5' + '0101182a',
    )
  })

  test('of the knowledge that there is none', () => {
    expect(negative.subarray(0, 26).toString()).toBe('N00a1b2c3d0000000000000007')
    expect(negative.subarray(26).toString('hex')).toBe(
      '01' + '427a3185c5000000' + '0000000000000000'.repeat(2) + '00000000',
    )
  })

  test('of a fence: which stripe guards a key', () => {
    expect(['user:42', 'place:2643743', 'é', ''].map(stripeOf)).toEqual([348, 181, 671, 738])
  })

  test('fences share the work evenly', () => {
    const load = Array.from({ length: STRIPES }, () => 0)
    for (let i = 0; i < 102_400; i++) load[stripeOf(`place:${i}`)]!++
    expect(Math.max(...load)).toBeLessThan(200)
  })
})

test('a record comes back as it was stored, without being copied', () => {
  const found = decode(value) as Found
  expect(found).toMatchObject({ asOf: 1234567890123456, until: UNTIL, tier: 'redis' })
  expect(found.entry).toMatchObject({
    version: 1234567890123456,
    writtenAt: 1_700_000_000_000,
    expiresAt: 1_900_000_000_000,
  })
  expect(found.entry?.payload.read()).toBe(42)
  expect(found.entry?.meta?.read()).toBe(true)
  expect(found.entry?.payload.bytes.buffer).toBe(value.buffer)
  expect(decode(negative)).toEqual({ entry: undefined, asOf: 7, until: UNTIL, tier: 'redis' })
})

test('of another epoch: no answer, and replaced by who fills', () => {
  const other = { epoch: Buffer.from('0a1b2c3e') }
  for (const bytes of [value, changed(value, 1, 0x31), changed(value, 26, 2)])
    expect(decode(bytes, other)).toBe('other')
})

test('expired: no answer', () => {
  expect(decode(value, { now: UNTIL })).toBe('expired')
})

test('damaged: in a form that this release does not write', () => {
  expect(decode(changed(value, 1, 0x31))).toBe('damaged')
  expect(decode(changed(value, 26, 2))).toBe('damaged')
  expect(decode(changed(changed(value, 27, 0x7f), 28, 0xf0))).toBe('damaged')
})

test('damaged: cut short, or with a header that nobody writes', () => {
  for (let length = 0; length < 58; length++) expect(decode(value.subarray(0, length))).toBe('damaged')
  expect(decode(changed(value, 0, 0x58))).toBe('damaged')
  expect(decode(changed(value, 12, 0x2d))).toBe('damaged')
  expect(decode(changed(value, 51, 0xff))).toBe('damaged')
  expect(decode(Buffer.concat([negative, Buffer.of(1)]))).toBe('damaged')
  expect(decode(Buffer.from('V00a1b2c3d9999999999999999'))).toBe('damaged')
})

function changed(bytes: Buffer, at: number, byte: number): Buffer {
  const copy = Buffer.from(bytes)
  copy[at] = byte
  return copy
}
