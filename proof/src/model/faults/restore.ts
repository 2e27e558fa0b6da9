import { type Back, lastChange } from '../state/back.ts'
import { IDLE_FOLLOWER, IDLE_WRITER, nothingNear } from '../state/initial.ts'
import { DONE_WRITER } from '../actors/writer.ts'
import { APPLIED, COMMITTED, DONE, ORPHANED, READY, TAILING, type Follower, type Writer } from '../state/processes.ts'
import type { Server } from '../state/server.ts'
import type { State } from '../state/state.ts'
import type { Actor, World } from '../world.ts'

/** The back tier is backed up; later every process ends, the backup is restored and declared, processes start again. */
export const restore: Actor = (state, world, emit) => {
  const { back, servers } = state
  const { faults } = world.scenario
  if (!(faults.restore || faults.undeclaredRestore) || back.history > 0) return
  const { log, agreement, backup } = back
  if (backup === undefined) {
    emit('a backup is made', { ...state, back: { ...back, backup: { head: log.length, agreement } } })
    return
  }
  // Else a front may hold what was committed after the backup, with a watermark that gives no reason for suspicion.
  const isNoticed = servers.every((server) => server === undefined || tells(server, backup.head, world))
  if (faults.restore || isNoticed)
    emit(`the backup of ${backup.head} is restored`, restored(state, restoredBack(back, world), world))
}

/** Whether the server's own meta says that it knows more than the backup; or it does not. */
function tells({ watermark, executed, records }: Server, head: number, { scenario, flaw }: World): boolean {
  if (watermark > head || flaw === 'lost-write-only-filled') return true
  if (!scenario.keepsHighest) return false
  return executed.some((seq) => seq > head) || records.every((record) => record === undefined || record.version <= head)
}

function restoredBack({ log, history, backup, agreement: lost }: Back, { flaw, scenario }: World): Back {
  const { head, agreement } = backup!
  // Declared: no epoch counts any more. Terms are compared only with those that the same processes have read.
  const declared = { ...agreement, epoch: 0, term: lost.term + 1 }
  return {
    log: log.slice(0, head),
    agreement: flaw === 'restore-undeclared' || scenario.faults.undeclaredRestore ? agreement : declared,
    history: history + 1,
    backup: undefined,
  }
}

function restored(state: State, back: Back, world: World): State {
  const { orphans } = world.scenario.faults
  // What the log does not know any more was not executed, but what came before it on the key.
  const known = (seq: number, key: number): number => lastChange(back.log, key, seq)
  return {
    ...state,
    back,
    servers: state.servers.map((server) => server && { ...server, executed: server.executed.map(known) }),
    writers: state.writers.map((writer) => writerAfter(writer, orphans)),
    readers: state.readers.map((reader) => ({
      ...reader,
      checked: false,
      certificate: undefined,
      sample: undefined,
      fill: orphans ? reader.fill : undefined,
    })),
    followers: state.followers.map((follower) => followerAfter(follower, orphans)),
    near: state.near && nothingNear(world.scenario.keys),
  }
}

function writerAfter(writer: Writer, orphans: boolean): Writer {
  const { at, phase, key, seq, epoch, history } = writer
  if (phase === READY || phase === DONE) return writer
  if (phase === COMMITTED && orphans) return { ...IDLE_WRITER, at, phase: ORPHANED, key, seq, epoch, history }
  return phase === APPLIED || phase === COMMITTED ? DONE_WRITER : writer
}

function followerAfter(follower: Follower, orphans: boolean): Follower {
  const began = { ...follower, checked: false }
  return follower.phase === TAILING && orphans ? began : { ...began, ...IDLE_FOLLOWER }
}
