export interface FlawDescription {
  /** With the row of docs/races.md, where it is one. */
  readonly about: string
  /** The scenario that is searched first. */
  readonly caughtBy: string
}

/** Each of these breaks one rule of the protocol on purpose. A model in which one of them goes unnoticed proves nothing. */
export const FLAWS = {
  // APPLY
  'apply-ignores-versions': {
    about: 'row 1: APPLY overwrites whatever is there',
    caughtBy: 'fence',
  },
  'apply-installs-on-absent': {
    about: 'row 3: APPLY installs where there is no record, without s >= hi',
    caughtBy: 'fence',
  },
  'apply-newer-raises-no-fence': {
    about: 'row 6: APPLY answers NEWER and leaves the fence where it is',
    caughtBy: 'fence',
  },
  'apply-raises-no-fence': {
    about: 'APPLY does not raise fences',
    caughtBy: 'fence',
  },
  'apply-ignores-epoch': {
    about: 'APPLY installs what was sent in another epoch',
    caughtBy: 'restore',
  },
  'apply-raises-before-it-removes': {
    about: 'row 13: HSET before DEL, and memory runs out in between',
    caughtBy: 'around',
  },
  // FILL
  'fill-overwrites': {
    about: 'row 2: FILL is a plain SET',
    caughtBy: 'fence',
  },
  'fill-ignores-fence': {
    about: 'FILL does not compare asOf with the fence',
    caughtBy: 'fence',
  },
  'fill-ignores-epoch': {
    about: 'FILL takes what was sent in another epoch',
    caughtBy: 'restore',
  },
  'fence-goes-with-record': {
    about: 'row 4: the fence is kept in the record (a tombstone), and evicted with it',
    caughtBy: 'fence',
  },
  'leases-instead-of-fences': {
    about: 'row 5: fills need a lease, late writes need nothing',
    caughtBy: 'fence',
  },
  'absence-has-version-zero': {
    about: 'row 8: the version of a missing key is 0',
    caughtBy: 'absence',
  },
  // TAIL
  'nobody-tails': {
    about: 'row 7: what a crashed writer did not tell the front, nobody does',
    caughtBy: 'fence',
  },
  'tail-removes-nothing': {
    about: 'TAIL moves the watermark and removes nothing',
    caughtBy: 'fence',
  },
  'tail-raises-no-fence': {
    about: 'TAIL removes, but raises no fence',
    caughtBy: 'fence',
  },
  'tail-from-anywhere': {
    about: 'TAIL takes a step wherever the watermark stands',
    caughtBy: 'replay',
  },
  'tail-ignores-epoch': {
    about: 'TAIL takes a step that was sent in another epoch',
    caughtBy: 'orphans',
  },
  'tail-in-two-steps': {
    about: 'TAIL is not atomic: the watermark moves first',
    caughtBy: 'fence',
  },
  'watermark-outside-front': {
    about: 'row 9: the watermark is not kept with the data, and is not rolled back with it',
    caughtBy: 'failover',
  },
  // INIT
  'start-ignores-nonce': {
    about: 'INIT completes though meta was lost, or another start announced, since',
    caughtBy: 'two-losses',
  },
  'start-reuses-epoch': {
    about: 'INIT keeps the epoch that was agreed on',
    caughtBy: 'suspend-loss',
  },
  'start-reads-head-first': {
    about: 'INIT reads the head before the announcement',
    caughtBy: 'two-losses',
  },
  'start-without-base': {
    about: 'INIT sets no base',
    caughtBy: 'flush',
  },
  // Certificates
  'certificate-ignores-watermark': {
    about: 'row 11: what a front holds is believed, however far it was rolled back',
    caughtBy: 'restart',
  },
  'certificate-ignores-server': {
    about: 'a certificate is given for a server that was not agreed on',
    caughtBy: 'split-brain',
  },
  'certificate-ignores-epoch': {
    about: 'a certificate is given in an epoch that was not agreed on',
    caughtBy: 'restore',
  },
  'certificate-from-end': {
    about: 'row 14: its lifetime counts from when the front has answered',
    caughtBy: 'certificate',
  },
  'certificate-survives-reconnect': {
    about: 'a certificate stays valid on a new connection',
    caughtBy: 'split-brain',
  },
  'certificate-while-suspended': {
    about: 'a certificate is given while the front is suspended',
    caughtBy: 'suspend',
  },
  // Acknowledgement
  'wait-from-before-commit': {
    about: 'the wait for Δ begins before the commit',
    caughtBy: 'certificate',
  },
  'agreement-read-early': {
    about: 'the agreement is not read in the transaction of the commit, but before it',
    caughtBy: 'split-brain',
  },
  'ack-from-any-server': {
    about: 'row 10: an acknowledgement of whatever server is enough',
    caughtBy: 'split-brain',
  },
  'ack-without-term-age': {
    about: 'the agreement of the commit need not be older than Δ',
    caughtBy: 'split-brain',
  },
  'ack-suspended-at-once': {
    about: 'suspension without the wait',
    caughtBy: 'suspend',
  },
  'replays-on-reconnect': {
    about: 'row 12: what was sent is sent again on a new connection, and counts for the old one',
    caughtBy: 'split-brain',
  },
  'wait-for-own-bound': {
    about: 'a writer waits for its own Δ, and not for the agreed one',
    caughtBy: 'bounds',
  },
  'certificate-outlives-bound': {
    about: 'a certificate lives for Δ of its process, whatever is agreed on',
    caughtBy: 'bounds',
  },
  'wait-shrinks-with-bound': {
    about: 'writers wait for less as soon as certificates that are sampled from now on live less long',
    caughtBy: 'bounds',
  },
  'wait-shrinks-at-once': {
    about: 'writers wait for less though the term is not known for longer than they waited',
    caughtBy: 'bounds',
  },
  // Restore
  'restore-undeclared': {
    about: 'row 15: a backup is restored and nobody says so',
    caughtBy: 'restore',
  },
  'start-of-other-epoch-omitted': {
    about: 'a front whose epoch is not the agreed one is not started anew',
    caughtBy: 'restore',
  },
  'watermark-ahead-believed': {
    about: 'a watermark ahead of the log is believed',
    caughtBy: 'undeclared',
  },
  'mark-not-compared': {
    about: 'a watermark from another history of the log is believed',
    caughtBy: 'undeclared',
  },
  'highest-ahead-believed': {
    about: 'a highest executed seq ahead of the log is believed',
    caughtBy: 'undeclared-highest',
  },
  'mark-of-highest-not-compared': {
    about: 'a highest executed seq from another history of the log is believed',
    caughtBy: 'undeclared-highest',
  },
  'apply-raises-no-highest': {
    about: 'APPLY does not raise the highest executed seq',
    caughtBy: 'undeclared-highest',
  },
  'highest-goes-back': {
    about: 'the highest executed seq is the last one',
    caughtBy: 'undeclared-highest',
  },
  'write-before-first-look': {
    about: 'after an undeclared restore, a writer reaches the front before anybody has looked at it',
    caughtBy: 'undeclared-highest-wide',
  },
  'lost-write-only-filled': {
    about: 'an undeclared restore, and what is lost has reached the front by a fill only',
    caughtBy: 'undeclared-highest',
  },
  // Near memory
  'near-fill-ignores-fence': {
    about: 'row 17: a fill of near memory is not fenced',
    caughtBy: 'near',
  },
  'near-fill-of-followed': {
    about: 'an answer of a shared front counts as complete up to where near memory has followed',
    caughtBy: 'near-front',
  },
  'near-installs-on-absent': {
    about: 'own commits are installed in near memory without s >= hi',
    caughtBy: 'near',
  },
  'near-tail-raises-no-fence': {
    about: 'the log removes from near memory, but raises no fence',
    caughtBy: 'near',
  },
  'near-forgets-without-floor': {
    about: 'near memory forgets a key, and its floor stays',
    caughtBy: 'near',
  },
} as const satisfies Record<string, FlawDescription>

export type Flaw = keyof typeof FLAWS

export const FLAW_NAMES = Object.keys(FLAWS) as readonly Flaw[]
