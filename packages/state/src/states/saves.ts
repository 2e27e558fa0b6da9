import {
  type Back,
  ConflictError,
  CorruptError,
  type Entry,
  Payload,
  type ReadOptions,
  type SetWrite,
  StoreKey,
  type Write,
} from '@tidemark/core'
import { durably } from '../durably.ts'
import { checkName } from '../store-option.ts'
import { type Doubt, isCertain, type OnStored, settle } from './doubt.ts'
import { type Candidate, judged, type Moment } from './moment.ts'
import type { ResolvedStatesOptions } from './states-options.ts'

/** One save that is kept: which of the stored values were the states then. */
export interface Save {
  /** From 1 on. */
  readonly number: number
  /** Wall-clock milliseconds; never less than that of an earlier one. */
  readonly at: number
  /** By the name of the state: the save that its value was stored with. */
  readonly values: Readonly<Record<string, number>>
}

/** Oldest first. Stored, under one key: never change it. */
interface StoredSaves {
  readonly last: number
  readonly saves: readonly (readonly [number: number, at: number, values: Readonly<Record<string, number>>])[]
}

/** The save that has stored the value that a state has in this one. */
export function storedIn({ values }: Pick<Save, 'values'>, state: string): number | undefined {
  return Object.hasOwn(values, state) ? values[state] : undefined
}

const LINEARIZABLE: ReadOptions = { consistency: 'linearizable' }

/** The saves under one name. A value that has not changed is stored once, whatever the number of saves that it is in. */
export class Saves {
  readonly #back: Back
  readonly #name: string
  readonly #keep: number
  readonly #onConflict: 'overwrite' | 'error'
  readonly #key: StoreKey
  #doubt: Doubt | undefined

  constructor(back: Back, { name, keepSaves, onConflict }: ResolvedStatesOptions) {
    this.#back = back
    this.#name = name
    this.#keep = keepSaves
    this.#onConflict = onConflict
    this.#key = StoreKey.of([name, 'saves'])
  }

  /** @throws TypeError or RangeError for what cannot be the name of a state */
  checkName(state: string): void {
    if (checkName(state) === '__proto__') throw new RangeError('a state cannot be called __proto__')
    void this.#keyOf(state, Number.MAX_SAFE_INTEGER).bytes
  }

  /** Those that are kept, oldest first. */
  async list(): Promise<readonly Save[]> {
    const [found] = await this.#back.read([this.#key], LINEARIZABLE)
    return savesIn(found?.entry)
  }

  /** The values of a save, by the names of their states. One that is missing is damage, unless the save is gone by now. */
  async values({ values }: Save): Promise<ReadonlyMap<string, Payload>> {
    const names = Object.keys(values)
    const found = await this.#back.read(
      names.map((name) => this.#keyOf(name, values[name]!)),
      LINEARIZABLE,
    )
    return new Map(names.flatMap((name, i) => (found[i]?.entry === undefined ? [] : [[name, found[i].entry.payload]])))
  }

  /** Whether the last attempt may have been written, although it has failed. The next one finds out. */
  get isInDoubt(): boolean {
    return this.#doubt !== undefined
  }

  /**
   * One commit: all of them, or nothing. What others have saved meanwhile stays, unless this process has changed the same.
   * Never two at once: what is changed is told by what the one before has stored.
   * @throws ConflictError then, where that is wanted
   */
  async add(moment: Moment, onStored: OnStored): Promise<Save> {
    const doubt = this.#doubt
    let candidates = judged(moment)
    let save: Save | undefined
    try {
      await this.#back.commit(
        {
          // In the same transaction: a save in doubt could be written as long as nothing else is.
          reads: [this.#key, ...(doubt?.states ?? []).map(([, key]) => key)],
          decide: ([entry, ...found]) => {
            save = undefined
            if (doubt !== undefined && settle(doubt, found, onStored)) candidates = judged(moment)
            const plan = this.#plan(savesIn(entry), candidates, moment)
            save = plan.save
            return plan.writes
          },
        },
        durably(this.#back),
      )
    } catch (error) {
      // What was in doubt before was found out about when this one was decided.
      if (save !== undefined) this.#doubt = isCertain(error) ? undefined : this.#doubtOf(save, moment)
      throw error
    }
    this.#doubt = undefined
    for (const [name, captured] of moment.states) {
      captured.basis.isNew = false
      const current = save!.values[name]!
      // Otherwise it is what another process has saved, which this one does not have.
      if (current === save!.number || current === candidates.get(name)!.storedBy) onStored(name, captured, current)
    }
    return save!
  }

  #doubtOf({ number, values }: Save, { states }: Moment): Doubt {
    const written = [...states].filter(([name]) => values[name] === number)
    return { number, states: written.map(([name, captured]) => [name, this.#keyOf(name, number), captured]) }
  }

  #plan(
    saves: readonly Save[],
    candidates: ReadonlyMap<string, Candidate>,
    { now, forgotten }: Moment,
  ): { readonly save: Save; readonly writes: readonly Write[] } {
    const last = saves.at(-1)
    const number = (last?.number ?? 0) + 1
    const values: Record<string, number> = { ...last?.values }
    for (const name of forgotten.keys()) delete values[name]
    const writes: Write[] = []
    for (const [name, { payload, storedBy, seen, isOwn }] of candidates) {
      const current = storedIn({ values }, name)
      if (current !== undefined && (!isOwn || current === storedBy)) continue
      if (current !== undefined && current !== seen && this.#onConflict === 'error') throw conflict(name, seen, current)
      values[name] = number
      writes.push(setOf(this.#keyOf(name, number), payload))
    }
    const save: Save = { number, at: Math.max(last?.at ?? 0, now), values }
    const all = [...saves, save]
    const kept = all.slice(-this.#keep)
    const gone = all.slice(0, -this.#keep)
    for (const key of this.#unused(gone, kept)) writes.push({ op: 'delete', key })
    writes.push(setOf(this.#key, Payload.encode(this.#back.codec, toStored(kept))))
    return { save, writes }
  }

  /** The values that only saves that are gone refer to. */
  #unused(gone: readonly Save[], kept: readonly Save[]): readonly StoreKey[] {
    const used = new Set(kept.flatMap(({ values }) => Object.entries(values).map(([name, at]) => `${at} ${name}`)))
    const keys = new Map<string, StoreKey>()
    for (const { values } of gone) {
      for (const [name, at] of Object.entries(values)) {
        if (!used.has(`${at} ${name}`)) keys.set(`${at} ${name}`, this.#keyOf(name, at))
      }
    }
    return [...keys.values()]
  }

  #keyOf(state: string, number: number): StoreKey {
    return StoreKey.of([this.#name, 'state', state, number])
  }
}

function conflict(name: string, seen: number | undefined, current: number): ConflictError {
  const since = seen === undefined ? '' : ` since save ${seen}`
  const message =
    `the state ${name} was changed here${since}, and save ${current}, of another process, has it, too; nothing was saved: ` +
    'reloadAll() takes what the others have saved, in place of what was changed here; then do it again'
  return new ConflictError(name, seen ?? 0, current, message)
}

function toStored(saves: readonly Save[]): StoredSaves {
  return { last: saves.at(-1)!.number, saves: saves.map(({ number, at, values }) => [number, at, values]) }
}

/** @throws CorruptError */
function savesIn(entry: Entry | undefined): readonly Save[] {
  if (entry === undefined) return []
  const stored = entry.payload.read() as Partial<StoredSaves> | null
  if (!Array.isArray(stored?.saves)) throw new CorruptError('what is stored as saves is none', { key: entry.key.id })
  return (stored as StoredSaves).saves.map(([number, at, values]) => ({ number, at, values }))
}

function setOf(key: StoreKey, payload: Payload): SetWrite {
  return { op: 'set', key, payload, expiresAt: undefined, meta: undefined, path: undefined }
}
