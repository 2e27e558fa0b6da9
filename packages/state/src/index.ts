export { prevalent, type Prevalent } from './prevalent/prevalent.ts'
export type { PrevalentOptions } from './prevalent/options.ts'
export type { Dropped, Recovery } from './prevalent/recovery.ts'
export type { Transaction, TransactionFunction } from './prevalent/transaction.ts'
export type { AnyStore } from './store-option.ts'
export type { Save } from './states/saves.ts'
export {
  type AutosaveOptions,
  type ExitPort,
  type ReloadOptions,
  type State,
  states,
  type States,
  type StatesOptions,
} from './states/states.ts'
