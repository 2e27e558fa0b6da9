import { type Commit, historyAt } from '../state/back.ts'

/** The first change of the key after `version`, up to `upTo`, that `matters`: what somebody who is served `version` misses. */
export function missedChange(
  log: readonly Commit[],
  key: number,
  version: number,
  upTo: number,
  matters: (commit: Commit) => boolean = () => true,
): number | undefined {
  for (let seq = version + 1; seq <= Math.min(upTo, log.length); seq++) {
    const commit = log[seq - 1]!
    if (commit.key === key && matters(commit)) return seq
  }
  return undefined
}

/** Whether the record says something about another history of the log than the one that is there now. */
export function isForeign(log: readonly Commit[], { version, history }: { version: number; history: number }): boolean {
  return version > log.length || (version > 0 && historyAt(log, version) !== history)
}
