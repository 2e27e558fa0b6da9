import { TidemarkError } from '../../errors.ts'
import type { StoreKey } from '../../keys/store-key.ts'
import type { EntryType } from '../entry-notes.ts'

const READ_WITH: Readonly<Record<EntryType, string>> = {
  value: 'store.get(key)',
  log: 'store.log(key)',
  blob: 'store.blob(key)',
}

/** The error of who takes an entry for what it is not. */
export function wrongType({ id }: StoreKey, is: EntryType, wanted: EntryType): TidemarkError {
  const message = `${id} holds a ${is}, not a ${wanted}: read it with ${READ_WITH[is]}, or delete it first`
  return new TidemarkError('WRONG_TYPE', message, { key: id })
}
