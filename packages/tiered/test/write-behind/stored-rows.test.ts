import { createCborCodec, CorruptError, Payload, StoreKey } from '@tidemark/core'
import { describe, expect, test } from 'vitest'
import { keptCheckpoint, keptFormat, keptWrite } from '../../src/connectors/kept-write.ts'
import { bufferedCheckpoint, bufferedWrite } from '../../src/write-behind/buffered-write.ts'
import { rowFormat } from '../../src/write-behind/journal-row.ts'

const codec = createCborCodec()
const of = (value: unknown): Payload => Payload.encode(codec, value)
const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex')

const AT = 5
const WRITES = [
  bufferedWrite({ op: 'set', key: StoreKey.of('a'), payload: of(1), meta: of('m'), path: ['n', 0], expiresAt: 7 }, AT),
  bufferedWrite(
    { op: 'set', key: StoreKey.of('b'), payload: of(2), meta: undefined, path: undefined, expiresAt: undefined },
    AT,
  ),
  bufferedCheckpoint('so far', of({ n: 1 })),
] as const
const KEPT = [
  keptWrite(StoreKey.of('a'), of(['a']), of(1)),
  keptWrite(StoreKey.of('b'), undefined, undefined),
  keptCheckpoint(of(2)),
]

// In journals of processes that are gone, in files and in Redis: what was written once is read for ever.
const ROW =
  '049c5ecfa3' +
  '000000330101582f017100000003026100000000075b226e222c305d401c00000000000001000000030262000200000006736f20666172' +
  '00000003010101' +
  '000000040101616d' +
  '00000003010102' +
  '000000060101a1616e01'
const KEPT_ROW =
  '042d8647af' +
  '0000002101018401834302610064617267736576616c7565814302620082f66576616c7565' +
  '000000050101816161' +
  '00000003010101' +
  '00000003010102'

describe('a row of a journal', () => {
  test('of a store is this, and comes back', () => {
    const format = rowFormat(codec)
    expect(hex(format.encode(WRITES))).toBe(ROW)
    const decoded = format.decode(format.encode(WRITES), AT)
    expect(decoded.map((write) => ({ ...write, call: undefined }))).toEqual(WRITES)
    // Of a release that did not tell which were asked for together: all of them were, perhaps.
    expect(new Set(decoded.map(({ call }) => call)).size).toBe(1)
  })

  test('tells which writes were asked for together', () => {
    const format = rowFormat(codec)
    const call = {}
    const row = format.encode(
      [WRITES[0]!, { ...WRITES[1]!, call }, { ...WRITES[2]!, call }],
      (one) => one.call === call,
    )
    // The flag of the first one, and the checksum.
    expect(hex(row).slice(10)).toBe(ROW.slice(10).replace('0171', '01f1'))
    const [a, b, checkpoint] = format.decode(row, AT)
    expect([a!.call === b!.call, b!.call === checkpoint!.call]).toEqual([false, true])
  })

  test('of a buffer is this, and comes back', () => {
    const format = keptFormat(codec)
    expect(hex(format.encode(KEPT))).toBe(KEPT_ROW)
    expect(format.decode(format.encode(KEPT), AT)).toEqual(KEPT)
  })

  test('is corrupt when it is anything else', () => {
    for (const format of [rowFormat(codec), keptFormat(codec)]) {
      const rows = [
        of(1).bytes,
        of([2]).bytes,
        of(new Uint8Array([2])).bytes,
        Payload.bundle(codec, Uint8Array.of(1, 1, 0, 0, 0, 0), []).bytes,
        Payload.bundle(codec, [1, [StoreKey.of('a').bytes, 'value']], []).bytes,
        new Uint8Array(0),
      ]
      for (const row of rows) expect(() => format.decode(row, AT)).toThrow(CorruptError)
    }
  })
})
