import { open, type OpenOptions, type Tidemark } from 'tidemark'
import { onTestFinished } from 'vitest'

export const LONG: string = 'a text that repeats itself, and '.repeat(30)
/** Also what cannot be frozen, and so is decoded for each reader. */
export const VALUE = { text: LONG, at: new Date(7), big: 7n, list: new Set([1]) }
export const META = { by: 'test', text: LONG }

/** Closed when the test ends. */
export async function openStore(options: OpenOptions): Promise<Tidemark> {
  const store = await open(options)
  onTestFinished(() => store.close())
  return store
}
