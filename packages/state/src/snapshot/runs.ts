import { type Container, isContainer } from '../draft/kinds.ts'
import { isWide } from '../wide/is-wide.ts'
import { WideMap } from '../wide/wide-map.ts'
import { WideSet } from '../wide/wide-set.ts'
import { setOwn } from '../draft/own-property.ts'

/**
 * So many entries of one container as are stored together; its parts follow one another. `content` is a list: of names
 * or keys and values in turn for a record and a Map, of elements for an array (from `start` on), of members for a Set. A
 * state that is no container is the content of the only run. Stored: never change it.
 */
export type Run = readonly [path: readonly unknown[], kind: RunKind, content: readonly unknown[], start?: number]

type RunKind = 'value' | 'record' | 'map' | 'array' | 'set'

/** What holds more than this is taken apart. */
const LIGHT = 500

/** About as many values as are encoded in a millisecond or two. */
export const RUN_WEIGHT = 2_000

/** A state in runs, which can be made one at a time: nothing takes long, and nobody waits for all of it. */
export function* runsOf(root: unknown): Generator<{ readonly run: Run; readonly weight: number }> {
  if (!isObject(root) || !isContainer(root)) yield { run: [[], 'value', [root]], weight: 1 }
  else yield* runsOfContainer(root, [])
}

function* runsOfContainer(
  container: Container,
  path: readonly unknown[],
): Generator<{ readonly run: Run; readonly weight: number }> {
  const kind = kindOfRun(container)
  let content: unknown[] = []
  let start = 0
  let weight = 1
  let isFirst = true
  const taken = (): { readonly run: Run; readonly weight: number } => {
    const run: Run = kind === 'array' ? [path, kind, content, start] : [path, kind, content]
    const made = { run, weight }
    start += content.length
    content = []
    weight = 1
    isFirst = false
    return made
  }
  for (const [key, value] of entriesOf(container)) {
    const isHeavy = isObject(value) && isContainer(value) && weightOf(value, LIGHT) >= LIGHT
    if (isHeavy && kind !== 'set') {
      // First what comes before it, so that all of it is put together in its order; and what it is to be put into.
      if (isFirst || content.length > 0) yield taken()
      yield* runsOfContainer(value, [...path, key])
      if (kind === 'array') start++
      continue
    }
    if (kind === 'record' || kind === 'map') content.push(key)
    if (key === HOLE) content.length++
    else content.push(value)
    weight += weightOf(value, LIGHT)
    if (weight >= RUN_WEIGHT) yield taken()
  }
  if (isFirst || content.length > 0) yield taken()
}

const HOLE: unique symbol = Symbol('hole')

function* entriesOf(container: Container): Generator<readonly [key: unknown, value: unknown]> {
  if (Array.isArray(container)) {
    for (let i = 0; i < container.length; i++) yield [i in container ? i : HOLE, container[i]]
  } else if (container instanceof Map) yield* container
  else if (container instanceof Set) for (const member of container) yield [undefined, member]
  else for (const name of Object.keys(container)) yield [name, container[name]]
}

/** How many values there are in one, counted up to `limit`; long texts and bytes count as several. */
function weightOf(value: unknown, limit: number): number {
  if (typeof value === 'string') return 1 + value.length / 64
  if (!isObject(value)) return 1
  if (ArrayBuffer.isView(value) || value instanceof ArrayBuffer) return 1 + value.byteLength / 64
  if (!isContainer(value)) return 1
  // No codec knows it.
  if (isWide(value)) return limit
  let weight = 1
  for (const [, element] of entriesOf(value)) {
    weight += weightOf(element, limit - weight)
    if (weight >= limit) break
  }
  return weight
}

/** Puts a state together again. */
export class Assembly {
  #root: unknown

  get root(): unknown {
    return this.#root
  }

  /** Takes the runs in their order. */
  add([path, kind, content, start]: Run): void {
    if (kind === 'value') {
      this.#root = content[0]
      return
    }
    const container = this.#at(path, kind)
    if (Array.isArray(container)) {
      for (const [i, value] of content.entries()) if (i in content) container[start! + i] = value
      container.length = Math.max(container.length, start! + content.length)
    } else if (container instanceof Set) for (const member of content) WideSet.of(container)!.put(member)
    else for (let i = 0; i < content.length; i += 2) put(container, content[i], content[i + 1])
  }

  #at(path: readonly unknown[], kind: RunKind): Container {
    if (path.length === 0) return (this.#root ??= emptyOf(kind)) as Container
    let parent = this.#root as Container
    for (const key of path.slice(0, -1)) parent = got(parent, key) as Container
    const key = path.at(-1)
    if (has(parent, key)) return got(parent, key) as Container
    const made = emptyOf(kind)
    put(parent, key, made)
    return made
  }
}

function isObject(value: unknown): value is object {
  return typeof value === 'object' && value !== null
}

function kindOfRun(container: Container): RunKind {
  if (Array.isArray(container)) return 'array'
  if (container instanceof Map) return 'map'
  return container instanceof Set ? 'set' : 'record'
}

function emptyOf(kind: RunKind): Container {
  if (kind === 'array') return []
  // Whether they will be large is not known yet.
  if (kind === 'map') return WideMap.from(new Map()) as unknown as Map<unknown, unknown>
  return kind === 'set' ? (WideSet.from(new Set()) as unknown as Set<unknown>) : {}
}

function has(container: Container, key: unknown): boolean {
  return container instanceof Map ? container.has(key) : Object.hasOwn(container, key as string)
}

function got(container: Container, key: unknown): unknown {
  return container instanceof Map ? container.get(key) : (container as Record<string, unknown>)[key as string]
}

function put(container: Container, key: unknown, value: unknown): void {
  if (container instanceof Map) WideMap.of(container)!.put(key, value)
  else setOwn(container, key as string, value)
}
