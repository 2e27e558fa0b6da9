/**
 * A rule of the protocol that can be broken on purpose: whoever claims to notice what breaks when a rule is broken has
 * to be shown each of them.
 */
export const SERVER_FLAWS = [
  /** APPLY installs where there is no record, whatever the fence says. */
  'apply-installs-on-absent',
  /** APPLY leaves the fence where it is when the record is newer. */
  'apply-newer-raises-no-fence',
  /** Nothing raises fences. */
  'raises-no-fence',
  /** APPLY overwrites whatever is there. */
  'apply-ignores-versions',
  /** APPLY installs records of whatever epoch. */
  'apply-any-epoch',
  /** FILL does not look at the fence. */
  'fill-unfenced',
  /** FILL takes records of whatever epoch. */
  'fill-any-epoch',
  /** TAIL removes, but raises no fence. */
  'tail-raises-no-fence',
  /** TAIL moves the watermark and removes nothing. */
  'tail-removes-nothing',
  /** TAIL takes a step wherever the watermark stands. */
  'tail-from-anywhere',
  /** TAIL takes a step that was sent in another epoch. */
  'tail-any-epoch',
  /** The start from nothing keeps the epoch that was there. */
  'start-keeps-epoch',
  /** The start from nothing forgets that its fences begin at the head. */
  'start-without-base',
  /** The start completes though meta was lost, or another start announced, since. */
  'start-ignores-nonce',
] as const

export type ServerFlaw = (typeof SERVER_FLAWS)[number]

export const FRONT_FLAWS = [
  /** A session goes on when the connection was replaced, by one to another server even. */
  'session-survives-reconnect',
  /** A session does not end when the epoch changes, and records of any epoch are served. */
  'read-any-epoch',
  /** An answer that comes in another session than it was asked for in is served. */
  'read-any-session',
] as const

export type FrontFlaw = (typeof FRONT_FLAWS)[number]
