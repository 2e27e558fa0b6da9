/**
 * A rule of the protocol that can be broken on purpose: whoever claims to notice what breaks when a rule is broken has
 * to be shown each of them. Rules that stand behind others, such as the epoch in FILL behind the base of the fences, are
 * not among them: nobody could tell.
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
  /** FILL does not look at the fence. */
  'fill-unfenced',
  /** TAIL removes, but raises no fence. */
  'tail-raises-no-fence',
  /** TAIL moves the watermark and removes nothing. */
  'tail-removes-nothing',
  /** The start from nothing keeps the epoch that was there. */
  'start-keeps-epoch',
  /** The start from nothing forgets that its fences begin at the head. */
  'start-without-base',
] as const

export type ServerFlaw = (typeof SERVER_FLAWS)[number]

export const FRONT_FLAWS = [
  /** A session goes on when the connection was replaced, by one to another server even. */
  'session-survives-reconnect',
  /** A session does not end when the epoch changes, and records of any epoch are served. */
  'read-any-epoch',
  /** Every server has the same name, so that nobody notices a failover. */
  'servers-look-alike',
] as const

export type FrontFlaw = (typeof FRONT_FLAWS)[number]

export const BACK_FLAWS = [
  /** What was loaded is stored, whoever holds the lease by then. */
  'loads-unfenced',
  /** What was loaded is stored, though one of its tags was invalidated meanwhile. */
  'loads-ignore-tags',
  /** Whoever asks for a lease gets it. */
  'leases-for-everybody',
  /** Leases last twenty times as long as was asked for. */
  'leases-live-on',
  /** Who reads is not told that a tag was invalidated. */
  'tags-untold',
] as const

export type BackFlaw = (typeof BACK_FLAWS)[number]
