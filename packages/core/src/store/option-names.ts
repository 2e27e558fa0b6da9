import { LOAD_OPTIONS } from '../load/load-options.ts'
import { assertKnown } from '../options/checks.ts'
import type { Back, ReadOptions } from '../ports/back.ts'
import type { ClearOptions } from './clear.ts'
import { LIST_OPTIONS } from './listing.ts'
import { SWEEP_OPTIONS } from './sweep.ts'
import { TRANSACTION_OPTIONS } from './transaction.ts'
import { CONDITION_OPTIONS, SET_OPTIONS } from './write-options.ts'

const GET_OPTIONS: readonly string[] = ['default']
const CLEAR_OPTIONS: readonly (keyof ClearOptions)[] = ['prefix']

type OptionNames = Readonly<Record<StoreMethod, readonly string[]>>

/** The methods that take options. */
export type StoreMethod =
  | 'get'
  | 'entry'
  | 'has'
  | 'getMany'
  | 'getIn'
  | 'set'
  | 'setMany'
  | 'delete'
  | 'deleteMany'
  | 'update'
  | 'setIn'
  | 'updateIn'
  | 'transaction'
  | 'keys'
  | 'entries'
  | 'clear'
  | 'invalidateTag'
  | 'sweep'
  | 'getOrSet'

/** The names of the options of every method of a store above this back tier. */
export function optionNames<R extends ReadOptions, W extends object>(back: Back<R, W>): OptionNames {
  const { readOptions: read, writeOptions: write } = back
  const set = [...SET_OPTIONS, ...CONDITION_OPTIONS, ...write]
  return {
    get: [...GET_OPTIONS, ...read],
    entry: read,
    has: read,
    getMany: read,
    getIn: [...GET_OPTIONS, ...read],
    set,
    setMany: write,
    delete: [...CONDITION_OPTIONS, ...write],
    deleteMany: write,
    update: set,
    setIn: set,
    updateIn: set,
    transaction: [...TRANSACTION_OPTIONS, ...write],
    keys: LIST_OPTIONS,
    entries: LIST_OPTIONS,
    clear: [...CLEAR_OPTIONS, ...write],
    invalidateTag: write,
    sweep: [...SWEEP_OPTIONS, ...write],
    getOrSet: [...LOAD_OPTIONS, ...read, ...write],
  }
}

/** @throws TypeError that names an option which the method does not have. */
export function refuseUnknown(options: object, names: OptionNames, method: StoreMethod): void {
  assertKnown(options, names[method], method)
}
