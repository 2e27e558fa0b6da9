export type { Dropped } from './journal/dropped.ts'
export { journal, type Journal } from './journal/journal.ts'
export type { JournalOptions } from './journal/journal-options.ts'
export {
  type JournalReadOptions,
  type JournalView,
  readJournal,
  type ReplayContext,
  type ReplayFunctions,
  type ReplayOptions,
  type ReplayTarget,
} from './journal/journal-view.ts'
export type { JournalTransaction } from './journal/record.ts'
export type { DeepReadonly } from './prevalent/deep-readonly.ts'
export type { PrevalentOptions, Synchronous } from './prevalent/options.ts'
export { drop, type DropOptions } from './prevalent/drop.ts'
export { prevalent, type Prevalent } from './prevalent/prevalent.ts'
export type { Recovery } from './prevalent/recovery.ts'
export type { Transaction, TransactionFunction } from './prevalent/transaction.ts'
export type { Save } from './states/saves.ts'
export { type State, states, type States } from './states/states.ts'
export type { AutosaveOptions, ExitPort, ReloadOptions, StatesOptions } from './states/states-options.ts'
export type { AnyStore } from './store-option.ts'
