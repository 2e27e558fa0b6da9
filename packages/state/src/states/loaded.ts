import { CorruptError, type Payload } from '@tidemark/core'
import type { Basis } from './basis.ts'
import { type Save, type Saves, storedIn } from './saves.ts'

/** A save, with what of its values there is. */
export interface Loaded {
  readonly save: Save
  /** The last one by then. */
  readonly last: Save
  readonly payloads: ReadonlyMap<string, Payload>
}

/** Others may save meanwhile, and with that remove what is read here: then there are newer ones. */
export async function load(
  saves: Saves,
  choose: (saves: readonly Save[]) => Save | undefined,
): Promise<Loaded | undefined> {
  let all = await saves.list()
  let save = choose(all)
  while (save !== undefined) {
    const payloads = await saves.values(save)
    const { number } = save
    const last = all.at(-1)!
    if (payloads.size === Object.keys(save.values).length) return { save, last, payloads }
    all = await saves.list()
    save = choose(all)
    if (save?.number === number) return { save, last, payloads }
  }
  return undefined
}

/** @throws CorruptError when it was saved, and cannot be had any more */
export function valueIn(
  { save, last, payloads }: Loaded,
  name: string,
): { readonly value: unknown; readonly basis: Basis } | undefined {
  const storedBy = storedIn(save, name)
  if (storedBy === undefined) return undefined
  const payload = payloads.get(name)
  const what = `the state ${name} of save ${save.number} cannot be read`
  const older = 'restore() an older one of the saves()'
  if (payload === undefined) throw new CorruptError(`${what}: its value is missing; ${older}`, { key: name })
  try {
    const isOld = save.number !== last.number
    const basis = { payload, storedBy, seen: storedIn(last, name), isOld, isNew: false }
    return { value: payload.decode(), basis }
  } catch (cause) {
    const why = `${what}: ${(cause as Error).message}`
    const isWhole = cause instanceof CorruptError && cause.mayBeWhole
    throw new CorruptError(isWhole ? why : `${why}; ${older}`, { key: name, cause })
  }
}

export function without({ save, ...rest }: Loaded, name: string): Loaded {
  const { [name]: _forgotten, ...values } = save.values
  return { ...rest, save: { ...save, values } }
}
