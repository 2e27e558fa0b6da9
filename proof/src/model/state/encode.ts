import type { Scenario } from '../scenarios/scenario.ts'
import type { Agreement } from './back.ts'
import type { Follower, Near, Reader, Writer } from './processes.ts'
import type { Server } from './server.ts'
import type { State } from './state.ts'

/** What stands where there is nothing; what is there is shifted past it. All numbers are small. */
const NONE = 0

/**
 * The state as a short string, one character per number. Processes that are alike are sorted: who of them does what
 * makes no difference, and there are that many states less.
 */
export function encoderOf({ writers: kinds, longReaders }: Scenario): (state: State) => string {
  // The first in the list of each kind stands for the kind: what the scenario says of it is equal.
  const kindOf = kinds.map((kind) => kinds.findIndex((each) => JSON.stringify(each) === JSON.stringify(kind)))
  return ({ back, servers, copy, writers, readers, followers, near, spent }) => {
    const out: number[] = [back.history, back.log.length, spent.losses, spent.copies, spent.starts]
    for (const { key, deletes, acknowledged, history } of back.log) {
      out.push(key * 2 + (deletes ? 1 : 0), history * 2 + (acknowledged ? 1 : 0))
    }
    putAgreement(out, back.agreement)
    if (back.backup === undefined) out.push(NONE)
    else putAgreement(out, back.backup.agreement, back.backup.head + 1)
    for (const server of servers) putServer(out, server)
    putServer(out, copy)
    if (near !== undefined) putNear(out, near)
    const rest = [
      ...sorted(writers.map((writer, i) => text(putWriter, writer, kindOf[i]!))),
      // The near memory, and the longer bound, belong to the first one.
      ...(near === undefined && longReaders === 0 ? sorted(readers.map(encodeReader)) : readers.map(encodeReader)),
      ...sorted(followers.map((follower) => text(putFollower, follower, NONE))),
    ]
    return String.fromCharCode(...out) + rest.join('')
  }
}

function encodeReader(reader: Reader): string {
  return text(putReader, reader, NONE)
}

function sorted(codes: string[]): string[] {
  return codes.length > 1 ? codes.sort() : codes
}

function text<T>(put: (out: number[], value: T) => void, value: T, kind: number): string {
  const out = [kind]
  put(out, value)
  return String.fromCharCode(...out)
}

function putAgreement(
  out: number[],
  { epoch, server, term, suspended, bound, wait }: Agreement,
  before?: number,
): void {
  if (before !== undefined) out.push(before)
  out.push(epoch, server + 1, term * 2 + (suspended ? 1 : 0), bound * 4 + wait)
}

function putServer(out: number[], server: Server | undefined): void {
  if (server === undefined) {
    out.push(NONE)
    return
  }
  const { records, epoch, watermark, base, nonce, fences, mark, highest, markOfHighest, executed } = server
  out.push(1, epoch, watermark + 1, base, nonce, mark, highest, markOfHighest)
  for (const fence of fences) out.push(fence)
  for (const seq of executed) out.push(seq)
  for (const record of records) {
    if (record === undefined) out.push(NONE)
    else out.push(record.epoch + 1, record.version, record.history * 2 + (record.absent ? 1 : 0))
  }
}

function putWriter(out: number[], writer: Writer): void {
  const { phase, at, key, seq, epoch, history, agreedServer, agreedTerm, suspended, appliedAt, told } = writer
  out.push(phase, at, key, seq, epoch, history, agreedServer + 1, agreedTerm, appliedAt + 1)
  out.push((suspended ? 2 : 0) + (told ? 1 : 0) + writer.agreedWait * 4)
}

function putReader(out: number[], { at, mayClaim, checked, certificate, sample, fill }: Reader): void {
  out.push(at * 4 + (mayClaim ? 2 : 0) + (checked ? 1 : 0))
  if (certificate === undefined) out.push(NONE)
  else out.push(1, certificate.head, certificate.epoch, certificate.sinceHead, certificate.sinceTerm, certificate.bound)
  if (sample === undefined) out.push(NONE)
  else out.push(1, sample.head, sample.epoch, sample.server + 1, sample.term, sample.bound)
  if (fill === undefined) out.push(NONE)
  else {
    const { key, version, absent, history, asOf, epoch, readIn, lease } = fill
    out.push(1 + readIn, key, version, history * 2 + (absent ? 1 : 0), asOf, epoch, lease)
  }
}

function putFollower(out: number[], follower: Follower): void {
  const { phase, at, mayClaim, checked, from, readIn, keys, epoch, mark, nonce, term, head } = follower
  out.push(
    phase,
    at * 4 + (mayClaim ? 2 : 0) + (checked ? 1 : 0),
    from,
    readIn,
    keys.length,
    ...keys,
    epoch,
    mark,
    nonce,
    term,
    head,
  )
}

function putNear(out: number[], { started, watermark, floor, fences, records, fill }: Near): void {
  out.push(started ? 1 : 0, watermark, floor, ...fences)
  for (const record of records) {
    if (record === undefined) out.push(NONE)
    else out.push(1, record.version * 2 + (record.absent ? 1 : 0))
  }
  if (fill === undefined) out.push(NONE)
  else out.push(1, fill.key, fill.version * 2 + (fill.absent ? 1 : 0), fill.asOf)
}
