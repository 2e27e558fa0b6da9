import { CompactedError, createMemoryBack, type Log, type LogChange, TidemarkError } from '@tidemark/core'
import fc from 'fast-check'
import { beforeEach, describe, expect, it } from 'vitest'
import { hash32 } from '../src/hash.ts'
import { changes, checkOf, decodeToken, encodeToken } from '../src/index.ts'
import { firstBatch, range, takeSeqs, withLog } from './support/reading.ts'
import { commitNumbers } from './support/writing.ts'

const position = fc.record({
  id: fc.string({ unit: 'binary', maxLength: 40 }).filter((id) => id.isWellFormed()),
  epoch: fc.maxSafeNat(),
  seq: fc
    .maxSafeNat()
    .map((n) => n + 1)
    .filter(Number.isSafeInteger),
  check: fc.nat({ max: 0xffff_ffff }),
})

function isToken(text: string): boolean {
  try {
    return decodeToken(text) !== undefined
  } catch {
    return false
  }
}

describe('a token', () => {
  it('comes back as the position that it was made of, and is URL-safe', () => {
    fc.assert(
      fc.property(position, (at) => {
        const token = encodeToken(at)
        expect(token).toMatch(/^[\w-]+$/)
        expect(decodeToken(token)).toEqual(at)
      }),
    )
  })

  it('is stored by subscribers, so its form stays', () => {
    const token = 'AQAAAAAAAAADAAAAAAAAAQTerb7vMDE5YS1sb2c4kbTU'
    expect(encodeToken({ id: '019a-log', epoch: 3, seq: 260, check: 0xdeadbeef })).toBe(token)
    expect(decodeToken(token)).toEqual({ id: '019a-log', epoch: 3, seq: 260, check: 0xdeadbeef })
  })

  it('that was damaged anywhere, cut or extended is invalid', () => {
    fc.assert(
      fc.property(position, fc.nat(), fc.stringMatching(/^[\w-]$/), (at, index, char) => {
        const token = encodeToken(at)
        const i = index % token.length
        const others = [token.slice(0, i), token + char, token.slice(0, i) + char + token.slice(i + 1)]
        for (const other of others.filter((text) => text !== token)) {
          expect(() => decodeToken(other)).toThrow(expect.objectContaining({ code: 'TOKEN_INVALID', retryable: false }))
        }
      }),
    )
  })

  it.each([4_097, 1_000_000])('of %i characters is none, however it begins', (length) => {
    const token = encodeToken({ id: '019a-log', epoch: 1, seq: 1, check: 1 })
    for (const long of ['A'.repeat(length), token.padEnd(length, 'A')]) {
      expect(() => decodeToken(long)).toThrow(expect.objectContaining({ code: 'TOKEN_INVALID', retryable: false }))
    }
  })

  it('has one spelling: unused bits of its last character are not ignored', () => {
    const token = encodeToken({ id: '019a-logs', epoch: 1, seq: 1, check: 1 })
    const last = Array.from('ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_')
    const accepted = last.map((char) => token.slice(0, -1) + char).filter((text) => isToken(text))
    expect(accepted).toEqual([token])
  })

  it('is never anything else', () => {
    fc.assert(
      fc.property(fc.oneof(fc.string(), fc.base64String(), fc.constantFrom(undefined, null, 7, {})), (text) => {
        expect(() => decodeToken(text as string)).toThrow(TidemarkError)
      }),
    )
  })

  it('of a newer release says so, and a damaged version is damage', () => {
    const bytes = Buffer.from(encodeToken({ id: 'x', epoch: 1, seq: 1, check: 1 }), 'base64url')
    bytes[0] = 2
    const damaged = bytes.toString('base64url')
    expect(() => decodeToken(damaged)).toThrow(expect.objectContaining({ code: 'TOKEN_INVALID' }))
    bytes.writeUInt32BE(hash32(bytes.subarray(0, -4)), bytes.length - 4)
    const newer = bytes.toString('base64url')
    expect(() => decodeToken(newer)).toThrow(expect.objectContaining({ code: 'TOKEN_TOO_NEW', retryable: false }))
  })

  it('cannot be made of impossible positions', () => {
    const good = { id: 'x', epoch: 1, seq: 1, check: 1 }
    expect(() => encodeToken({ ...good, seq: -1 })).toThrow(RangeError)
    expect(() => encodeToken({ ...good, epoch: 1.5 })).toThrow(RangeError)
    expect(() => encodeToken({ ...good, check: 2 ** 32 })).toThrow(RangeError)
    expect(() => encodeToken({ ...good, id: 'x'.repeat(256) })).toThrow(RangeError)
  })
})

describe('checkOf', () => {
  it('changes with each part that tells one change from another', async () => {
    const back = createMemoryBack()
    await commitNumbers(back, 2)
    const [row, next] = (await back.log.read({ after: 0, limit: 2 })).changes as [LogChange, LogChange]
    const variants = [
      row,
      { ...row, seq: 2 },
      { ...row, at: row.at + 1 },
      { ...row, origin: 'x' },
      { ...row, op: 'delete' as const },
    ]
    expect(new Set([...variants, { ...row, key: next.key }].map(checkOf)).size).toBe(6)
    expect(checkOf({ ...row })).toBe(checkOf(row))
  })
})

describe('resuming', () => {
  let back: ReturnType<typeof createMemoryBack>
  let tokens: string[]

  beforeEach(async () => {
    back = createMemoryBack()
    await commitNumbers(back, 5)
    tokens = []
    for await (const { token } of changes(back.log, { from: 'start', batch: 1 })) if (tokens.push(token) === 5) break
  })

  const resume = (after: string, log: Log = back.log) => firstBatch(changes(log, { after, bookmarks: true }))

  it('continues right after each token', async () => {
    for (const [i, after] of tokens.entries()) {
      expect(await takeSeqs(changes(back.log, { after }), 4 - i)).toEqual(range(i + 2, 5))
    }
  })

  it('checks and reads the first page in one read of the log', async () => {
    let reads = 0
    const log = withLog(back.log, {
      read: (options) => {
        reads++
        return back.log.read(options)
      },
    })
    expect(await takeSeqs(changes(log, { after: tokens[1]! }), 3)).toEqual([3, 4, 5])
    expect(reads).toBe(1)
  })

  it('refuses a damaged token', async () => {
    await expect(resume(`${tokens[0]!}A`)).rejects.toMatchObject({ code: 'TOKEN_INVALID' })
  })

  it('refuses a token of another log', async () => {
    await expect(resume(tokens[0]!, createMemoryBack().log)).rejects.toMatchObject({ code: 'TOKEN_FOREIGN' })
  })

  it('refuses a token of another epoch', async () => {
    const log = withLog(back.log, { identity: { ...back.log.identity, epoch: back.log.identity.epoch + 1 } })
    await expect(resume(tokens[0]!, log)).rejects.toMatchObject({ code: 'LOG_EPOCH_CHANGED' })
  })

  it('refuses a token from before a declared restore, and takes one from after it', async () => {
    await back.restored()
    await expect(resume(tokens[0]!)).rejects.toMatchObject({ code: 'LOG_EPOCH_CHANGED', retryable: false })
    const { token } = await firstBatch(changes(back.log, { bookmarks: true }))
    await commitNumbers(back, 2, 6)
    expect(await takeSeqs(changes(back.log, { after: token }), 2)).toEqual([6, 7])
  })

  it.each([6, 7, 1000])('refuses a token past the head: %i after 5', async (seq) => {
    const token = encodeToken({ ...back.log.identity, seq, check: 1 })
    await expect(resume(token)).rejects.toMatchObject({ code: 'LOG_AHEAD', retryable: false })
    await expect(resume(token)).rejects.toThrow(`change ${seq}`)
  })

  it('refuses a token whose change is another one now', async () => {
    // A backup was restored and written again: same id, same epoch, same seqs, other changes.
    const restored = createMemoryBack()
    await commitNumbers(restored, 5, 100)
    const log = withLog(restored.log, { identity: back.log.identity })
    await expect(resume(tokens[2]!, log)).rejects.toMatchObject({ code: 'LOG_DIVERGED', retryable: false })
  })

  it('refuses a token before the floor, and accepts one at the floor, unchecked', async () => {
    const floor = 3
    const log = withLog(back.log, {
      read: async (options) => {
        if (options.after < floor) throw new CompactedError(options.after, floor, 5)
        return back.log.read(options)
      },
      at: async (seqs) => seqs.map(() => undefined),
    })
    await expect(resume(tokens[1]!, log)).rejects.toMatchObject({ code: 'LOG_COMPACTED', floor: 3, head: 5 })
    await expect(resume(tokens[1]!, log)).rejects.toThrow(/follows 2/)
    expect(await takeSeqs(changes(log, { after: tokens[2]! }), 2)).toEqual([4, 5])
    const unchecked = encodeToken({ ...back.log.identity, seq: 3, check: 12345 })
    expect(await takeSeqs(changes(log, { after: unchecked }), 2)).toEqual([4, 5])
    await expect(resume(encodeToken({ ...back.log.identity, seq: 4, check: 12345 }), log)).rejects.toMatchObject({
      code: 'LOG_DIVERGED',
    })
  })

  it('holds against a log that compacts itself', async () => {
    const small = createMemoryBack({ maxLogChanges: 3 })
    await commitNumbers(small, 3)
    const early: string[] = []
    for await (const { token } of changes(small.log, { from: 'start', batch: 1 })) if (early.push(token) === 3) break
    const behind = changes(small.log, { from: 'start', batch: 1 })[Symbol.asyncIterator]()
    await behind.next()
    await commitNumbers(small, 2, 4)
    expect(await small.log.floor()).toBe(2)
    await expect(resume(early[0]!, small.log)).rejects.toMatchObject({ code: 'LOG_COMPACTED', floor: 2, head: 5 })
    expect(await takeSeqs(changes(small.log, { after: early[1]! }), 3)).toEqual([3, 4, 5])
    expect(await takeSeqs(changes(small.log, { after: early[2]! }), 2)).toEqual([4, 5])
    // Also for who is following, and for who asks for everything.
    await expect(behind.next()).rejects.toMatchObject({ code: 'LOG_COMPACTED', floor: 2 })
    await expect(firstBatch(changes(small.log, { from: 'start' }))).rejects.toMatchObject({ code: 'LOG_COMPACTED' })
    const atFloor = encodeToken({ ...small.log.identity, seq: 2, check: 0 })
    expect(await takeSeqs(changes(small.log, { after: atFloor }), 3)).toEqual([3, 4, 5])
  })

  it('accepts the token of an empty log', async () => {
    const empty = createMemoryBack()
    const { token } = await firstBatch(changes(empty.log, { bookmarks: true }))
    await commitNumbers(empty, 2)
    expect(await takeSeqs(changes(empty.log, { after: token }), 2)).toEqual([1, 2])
  })
})
