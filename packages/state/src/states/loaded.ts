import { CorruptError, type Payload } from '@tidemark/core'
import type { Save, Saves } from './saves.ts'

/** A value as it was last saved or loaded, and by which save it was stored. */
export interface SavedValue {
  readonly payload: Payload
  readonly storedBy: number
}

/** A save, with what of its values there is. */
export interface Loaded {
  readonly save: Save
  readonly payloads: ReadonlyMap<string, Payload>
}

/** Others may save meanwhile, and with that remove what is read here: then there are newer ones. */
export async function load(
  saves: Saves,
  choose: (saves: readonly Save[]) => Save | undefined,
): Promise<Loaded | undefined> {
  let save = choose(await saves.list())
  while (save !== undefined) {
    const payloads = await saves.values(save)
    const { number } = save
    if (payloads.size === Object.keys(save.values).length) return { save, payloads }
    save = choose(await saves.list())
    if (save?.number === number) return { save, payloads }
  }
  return undefined
}

/** @throws CorruptError when it was saved, and cannot be had any more */
export function valueIn(
  { save, payloads }: Loaded,
  name: string,
): { readonly value: unknown; readonly saved: SavedValue } | undefined {
  const storedBy = Object.hasOwn(save.values, name) ? save.values[name] : undefined
  if (storedBy === undefined) return undefined
  const payload = payloads.get(name)
  const what = `the state ${name} of save ${save.number} cannot be read; restore() an older one of the saves()`
  if (payload === undefined) throw new CorruptError(what, { key: name })
  try {
    return { value: payload.decode(), saved: { payload, storedBy } }
  } catch (cause) {
    throw new CorruptError(what, { key: name, cause })
  }
}

export function without({ save, payloads }: Loaded, name: string): Loaded {
  const { [name]: _forgotten, ...values } = save.values
  return { save: { ...save, values }, payloads }
}
