/**
 * How the front's keys are called in Redis. A standalone server needs one partition; its number stands between braces,
 * which is what a cluster hashes, so that a script's keys stay together when there will be more.
 */
export interface Keyspace {
  /** The hash with epoch, watermark, base and fences. */
  readonly meta: string
  /** What stands before the key's id in the name of a record. */
  readonly prefix: string
  /** Matches the names of all records, and nothing else, in SCAN. */
  readonly pattern: string
  /** Matches the names of all that is kept of one log, and nothing else. */
  readonly all: string
  /** The stream that a relay copies the log into, and the hash that says where it stands. */
  readonly stream: string
  readonly streamMeta: string
  /** The hash that says, beside the stream, when tags were invalidated last. */
  readonly streamTags: string
  /** What stands before the name of a journal. */
  readonly journals: string
  /** The ids of the logs that relays copy, by when one has said so last, in seconds of the server's clock. */
  readonly logs: string
  /** The channel on which processes tell each other that the log has grown. */
  readonly channel: string
}

/** A namespace with `{` or `}` would move the hash tag; one with `:` could be the prefix of another. */
export const NAMESPACE: RegExp = /^[\w.-]{1,128}$/

export function keyspaceOf(namespace: string): Keyspace {
  const partition = `${namespace}:{p0}`
  // Not `:m`, which is the record of the key `m`.
  const prefix = `${partition}:`
  return Object.freeze({
    meta: `${partition}.m`,
    prefix,
    pattern: `${escaped(prefix)}*`,
    all: `${escaped(partition)}*`,
    // As meta: a record's name has a colon there.
    stream: `${partition}.s`,
    streamMeta: `${partition}.sm`,
    streamTags: `${partition}.st`,
    journals: `${partition}.j:`,
    logs: `${namespace}:logs`,
    channel: `${namespace}:nudge`,
  })
}

/** As SCAN takes it literally. */
function escaped(name: string): string {
  return name.replaceAll(/[\\*?[\]]/g, String.raw`\$&`)
}

/** All keys of the stream, in the order in which its scripts take them. */
export function streamKeysOf({ stream, streamMeta, streamTags }: Keyspace): readonly string[] {
  return [stream, streamMeta, streamTags]
}
