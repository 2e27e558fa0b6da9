import { type Codec, type Entry, type Found, Payload, type StoreKey } from '@tidemark/core'

/**
 * A record, byte by byte. The scripts read the first 26, which are text:
 *
 * | bytes | what |
 * |---|---|
 * | 0 | `V` a value, `N` the knowledge that there is none |
 * | 1 | flags: `0` |
 * | 2–9 | epoch, 8 hexadecimal digits |
 * | 10–25 | version, 16 decimal digits |
 * | 26 | format of the rest: 1 |
 * | 27–34 | end of the record, wall-clock ms, float64 big-endian |
 * | 35–42 | time of the commit, likewise; 0 in `N` |
 * | 43–50 | end of the entry itself, likewise; 0: none |
 * | 51–54 | length of the meta, uint32 big-endian; 0: no meta |
 * | 55– | meta, then the value, each as its payload is stored; nothing in `N` |
 */
const HEADER_BYTES = 26
const EPOCH_AT = 2
export const EPOCH_LENGTH = 8
const VERSION_AT = 10
const FORMAT_AT = 26
const UNTIL_AT = 27
const WRITTEN_AT = 35
const EXPIRES_AT = 43
const META_LENGTH_AT = 51
export const BODY_AT = 55

const V = 0x56
const N = 0x4e
const ZERO = 0x30
const FORMAT = 1

export interface RecordFields {
  readonly epoch: string
  readonly version: number
  /** Wall-clock ms. */
  readonly until: number
  /** undefined: a negative record. */
  readonly entry: Pick<Entry, 'payload' | 'writtenAt' | 'expiresAt' | 'meta'> | undefined
}

export function encodeRecord({ epoch, version, until, entry }: RecordFields): Buffer {
  const meta = entry?.meta?.bytes
  const value = entry?.payload.bytes
  const metaLength = meta?.byteLength ?? 0
  const bytes = Buffer.allocUnsafe(BODY_AT + metaLength + (value?.byteLength ?? 0))
  bytes.write((entry === undefined ? 'N0' : 'V0') + epoch + String(version).padStart(16, '0'), 'latin1')
  bytes[FORMAT_AT] = FORMAT
  bytes.writeDoubleBE(until, UNTIL_AT)
  bytes.writeDoubleBE(entry?.writtenAt ?? 0, WRITTEN_AT)
  bytes.writeDoubleBE(entry?.expiresAt ?? 0, EXPIRES_AT)
  bytes.writeUInt32BE(metaLength, META_LENGTH_AT)
  if (meta !== undefined) bytes.set(meta, BODY_AT)
  if (value !== undefined) bytes.set(value, BODY_AT + metaLength)
  return bytes
}

/**
 * Why a record is no answer. `other`: of another epoch, and replaced by who fills. `expired`: its time is up by the clock of
 * who reads, which Redis does not go by; a fill would leave it, where the clock is ahead, or the time damaged. `damaged`: not
 * what this release writes, within this epoch. A release that stores records in another way reads these, and finds its own
 * gone, where both run at the same time: that costs it a fill.
 */
export type NoAnswer = 'other' | 'expired' | 'damaged'

export interface DecodeContext {
  readonly epoch: Uint8Array
  readonly codec: Codec | readonly Codec[]
  readonly now: number
  readonly tier: string
}

/** Reads a record without copying it: what it answers shares memory with `bytes` and decodes the value when it is asked for. */
export function decodeRecord(
  bytes: Buffer,
  key: StoreKey,
  { epoch, codec, now, tier }: DecodeContext,
): Found | NoAnswer {
  const version = readVersion(bytes)
  const trouble = version === undefined ? 'damaged' : troubleOf(bytes, bytes.length, epoch)
  if (trouble !== undefined) return trouble
  const until = bytes.readDoubleBE(UNTIL_AT)
  if (until <= now) return 'expired'
  const valueAt = BODY_AT + bytes.readUInt32BE(META_LENGTH_AT)
  const entry = bytes[0] === N ? undefined : entryOf(bytes, valueAt, version!, key, codec)
  return { entry, asOf: version!, until, tier }
}

/**
 * Why nobody can read the record, whatever the time; undefined: its frame is whole.
 * @param bytes the first {@link BODY_AT} of it at least, or all there are
 * @param length of the whole record
 */
function troubleOf(bytes: Buffer, length: number, epoch: Uint8Array): 'other' | 'damaged' | undefined {
  const kind = bytes[0]
  if (length < HEADER_BYTES || (kind !== V && kind !== N)) return 'damaged'
  for (let i = 0; i < EPOCH_LENGTH; i++) if (bytes[EPOCH_AT + i] !== epoch[i]) return 'other'
  if (length < BODY_AT || bytes[1] !== ZERO || bytes[FORMAT_AT] !== FORMAT) return 'damaged'
  if (kind === N && length !== BODY_AT) return 'damaged'
  if (BODY_AT + bytes.readUInt32BE(META_LENGTH_AT) > length) return 'damaged'
  return Number.isFinite(bytes.readDoubleBE(UNTIL_AT)) ? undefined : 'damaged'
}

/** Whether what begins so is what {@link decodeRecord} calls damaged. The parameters are those of `troubleOf`. */
export function isDamaged(bytes: Buffer, length: number, epoch: Uint8Array): boolean {
  return readHeader(bytes) === undefined || troubleOf(bytes, length, epoch) === 'damaged'
}

function entryOf(bytes: Buffer, valueAt: number, version: number, key: StoreKey, codec: DecodeContext['codec']): Entry {
  const expiresAt = bytes.readDoubleBE(EXPIRES_AT)
  return {
    key,
    version,
    payload: Payload.fromBytes(codec, bytes, valueAt).at(key, version),
    writtenAt: bytes.readDoubleBE(WRITTEN_AT),
    expiresAt: expiresAt === 0 ? undefined : expiresAt,
    meta:
      valueAt === BODY_AT
        ? undefined
        : Payload.fromBytes(codec, viewOf(bytes, BODY_AT, valueAt)).at(key, version, 'meta'),
  }
}

function viewOf(bytes: Buffer, start: number, end: number): Uint8Array {
  return new Uint8Array(bytes.buffer, bytes.byteOffset + start, end - start)
}

export interface RecordHeader {
  readonly kind: 'value' | 'absent'
  readonly epoch: string
  readonly version: number
}

/** Reads the first {@link HEADER_BYTES} of a record. @returns undefined for what is none */
export function readHeader(bytes: Buffer): RecordHeader | undefined {
  if (bytes.length < HEADER_BYTES || (bytes[0] !== V && bytes[0] !== N)) return undefined
  const version = readVersion(bytes)
  if (version === undefined) return undefined
  const kind = bytes[0] === V ? 'value' : 'absent'
  return { kind, epoch: bytes.toString('latin1', EPOCH_AT, VERSION_AT), version }
}

/** When a record of which these are the first {@link BODY_AT} bytes ends; undefined: it does not say. */
export function readUntil(bytes: Buffer): number | undefined {
  return bytes.length < BODY_AT || bytes[FORMAT_AT] !== FORMAT ? undefined : bytes.readDoubleBE(UNTIL_AT)
}

function readVersion(bytes: Buffer): number | undefined {
  if (bytes.length < HEADER_BYTES) return undefined
  let version = 0
  for (let i = VERSION_AT; i < HEADER_BYTES; i++) {
    const digit = bytes[i]! - ZERO
    if (digit < 0 || digit > 9) return undefined
    version = version * 10 + digit
  }
  return Number.isSafeInteger(version) ? version : undefined
}
