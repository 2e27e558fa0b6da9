import { type Back, type LogChange, notesOf, renderKey, tagOfKey } from '@tidemark/core'
import type { Change, FollowStep } from '../../src/index.ts'
import { decodeToken } from '../../src/index.ts'

interface Held {
  readonly version: number
  readonly value: unknown
  readonly tags: readonly string[]
}

export type State = ReadonlyMap<string, Held>

/** Applies the steps of `follow` as its contract says, naively, and refuses what must not come. */
export class Follower {
  readonly state = new Map<string, Held>()
  /** Set by `ready` and later steps: where the state is the store's. */
  position: number | undefined
  restarts = 0
  /** Of the changes that were applied since the last restart, the last one's. */
  #lastSeq = 0

  apply(step: FollowStep): void {
    switch (step.kind) {
      case 'restart':
        this.state.clear()
        this.restarts++
        this.#lastSeq = 0
        this.position = undefined
        return
      case 'snapshot':
        for (const { key, version, value, tags } of step.entries) {
          const id = renderKey(key)
          if (this.state.has(id)) throw new Error(`${id} was shown twice`)
          if (version > step.asOf) throw new Error(`${id} is newer than its snapshot`)
          this.state.set(id, { version, value, tags })
        }
        return
      case 'catch-up':
        return this.#applyAll(step.changes)
      case 'ready':
        this.position = decodeToken(step.token).seq
        return
      case 'changes':
        if (this.position === undefined) throw new Error('changes came before the snapshot was ready')
        this.#applyAll(step.changes)
        this.position = decodeToken(step.token).seq
    }
  }

  #applyAll(changes: readonly Change[]): void {
    for (const change of changes) {
      if (change.seq <= this.#lastSeq) throw new Error(`change ${change.seq} came after ${this.#lastSeq}`)
      this.#lastSeq = change.seq
      applyChange(this.state, change)
    }
  }
}

function applyChange(state: Map<string, Held>, { op, key, seq: version, value, tag, tags }: AppliedChange): void {
  if (op === 'invalidate-tag') {
    for (const [id, held] of state) if (held.tags.includes(tag!)) state.delete(id)
  } else if (op === 'set') state.set(renderKey(key), { version, value, tags: tags! })
  else state.delete(renderKey(key))
}

type AppliedChange = Pick<Change, 'op' | 'key' | 'seq' | 'value' | 'tag' | 'tags'>

/** Keeps everything that a store commits, whatever its log forgets. */
export function recordCommits(back: Pick<Back, 'onCommit'>): readonly LogChange[] {
  const rows: LogChange[] = []
  back.onCommit((commits) => commits.forEach(({ changes }) => rows.push(...changes)))
  return rows
}

/** What the store held after change `upTo`, of the keys that begin with `prefix`. */
export function stateAfter(rows: readonly LogChange[], upTo: number, prefix = ''): State {
  const state = new Map<string, Held>()
  for (const row of rows.slice(0, upTo)) {
    const tag = tagOfKey(row.key)
    const { tags = [] } = row.op === 'set' ? notesOf({ ...row, version: row.seq }) : {}
    const op = tag === undefined ? row.op : 'invalidate-tag'
    if (tag !== undefined || row.key.id.startsWith(prefix)) {
      applyChange(state, {
        op,
        key: row.key.tuple,
        seq: row.seq,
        value: row.payload?.read(),
        tag,
        tags,
      } as AppliedChange)
    }
  }
  return state
}
