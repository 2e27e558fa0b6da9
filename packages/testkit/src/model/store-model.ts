import { compareTuples, ConflictError, type Key, type Store, StoreKey } from '@tidemark/core'
import fc from 'fast-check'
import { expect } from 'vitest'

/** What a store should hold: by key id, the key, the value and the version. */
export type Model = Map<
  string,
  { readonly key: readonly [string, number]; readonly value: unknown; readonly version: number }
>

type Command = fc.AsyncCommand<Model, Store>
type ModelKey = readonly [string, number]

const key: fc.Arbitrary<ModelKey> = fc.tuple(fc.constantFrom('a', 'b'), fc.integer({ min: 0, max: 3 }))
const value: fc.Arbitrary<unknown> = fc.oneof(
  fc.integer(),
  fc.constantFrom(null, false, ''),
  fc.jsonValue({ maxDepth: 1 }),
)

const idOf = (of: Key): string => StoreKey.of(of).id

function command(name: string, run: (model: Model, store: Store) => Promise<void>): Command {
  return { check: () => true, run, toString: () => name }
}

function put(model: Model, of: ModelKey, stored: unknown, version: number): void {
  // As stored: JSON has no -0, and a store must not invent or lose one.
  model.set(idOf(of), { key: of, value: stored, version })
}

const commands: readonly fc.Arbitrary<Command>[] = [
  fc
    .tuple(key, value)
    .map(([k, v]) =>
      command(`set ${idOf(k)}`, async (model, store) => put(model, k, v, (await store.set(k, v)).version)),
    ),
  key.map((k) =>
    command(`delete ${idOf(k)}`, async (model, store) => {
      expect((await store.delete(k)).deleted).toBe(model.delete(idOf(k)))
    }),
  ),
  fc.tuple(key, value, fc.boolean()).map(([k, v, isRight]) =>
    command(`set ${idOf(k)} if version ${isRight ? 'right' : 'wrong'}`, async (model, store) => {
      const version = model.get(idOf(k))?.version ?? 0
      if (isRight) return put(model, k, v, (await store.set(k, v, { ifVersion: version })).version)
      const error: unknown = await store.set(k, v, { ifVersion: version + 1 }).catch((thrown: unknown) => thrown)
      expect(error).toBeInstanceOf(ConflictError)
      expect((error as ConflictError).currentVersion).toBe(version)
    }),
  ),
  fc.tuple(key, fc.option(value, { nil: undefined })).map(([k, v]) =>
    command(`update ${idOf(k)}`, async (model, store) => {
      const before = model.get(idOf(k))?.value
      const result = await store.update(k, (old) => (expect(old).toStrictEqual(before), v))
      expect([result.old, result.new]).toStrictEqual([before, v])
      if (v === undefined) model.delete(idOf(k))
      else put(model, k, v, result.version)
    }),
  ),
  fc.array(fc.tuple(key, value), { maxLength: 5 }).map((items) =>
    command(`setMany of ${items.length}`, async (model, store) => {
      const { version } = await store.setMany(items)
      for (const [i, [k, v]] of items.entries()) put(model, k, v, version - items.length + 1 + i)
    }),
  ),
  fc.array(key, { maxLength: 5 }).map((keys) =>
    command(`deleteMany of ${keys.length}`, async (model, store) => {
      const { deleted } = await store.deleteMany(keys)
      const expected = new Map(keys.map((k) => [idOf(k), model.has(idOf(k))]))
      for (const k of keys) model.delete(idOf(k))
      expect(new Map([...deleted].map(([k, was]) => [idOf(k), was]))).toEqual(expected)
    }),
  ),
  fc.tuple(key, key, value, fc.boolean()).map(([from, to, v, fails]) =>
    command(`transaction ${idOf(from)} → ${idOf(to)}${fails ? ', failing' : ''}`, async (model, store) => {
      const thrown = new Error('on purpose')
      const run = store.transaction(async (tx) => {
        const moved = await tx.get(from)
        expect(moved).toStrictEqual(model.get(idOf(from))?.value)
        tx.set(to, v)
        tx.delete(from)
        if (fails) throw thrown
      })
      if (fails) return expect(run).rejects.toBe(thrown)
      const { version } = await run
      const hadFrom = model.has(idOf(from))
      put(model, to, v, hadFrom ? version - 1 : version)
      model.delete(idOf(from))
    }),
  ),
  key.map((k) =>
    command(`get ${idOf(k)}`, async (model, store) => {
      const expected = model.get(idOf(k))
      expect(await store.get(k)).toStrictEqual(expected?.value)
      expect(await store.has(k)).toBe(expected !== undefined)
      const entry = await store.entry(k)
      expect(entry && [entry.value, entry.version]).toStrictEqual(expected && [expected.value, expected.version])
    }),
  ),
  fc.array(key, { maxLength: 6 }).map((keys) =>
    command(`getMany of ${keys.length}`, async (model, store) => {
      const found = await store.getMany(keys)
      expect(found.size).toBe(new Set(keys.map(idOf).filter((id) => model.has(id))).size)
      for (const k of keys) expect(found.get(k)).toStrictEqual(model.get(idOf(k))?.value)
    }),
  ),
  fc
    .record({
      prefix: fc.constantFrom<readonly [] | string>([], 'a', 'b', 'c'),
      reverse: fc.boolean(),
      limit: fc.nat(6),
    })
    .map(({ prefix, reverse, limit }) =>
      command(`entries ${String(prefix)} ${limit}${reverse ? ' reverse' : ''}`, async (model, store) => {
        const sorted = [...model.values()]
          .filter((each) => prefix.length === 0 || each.key[0] === prefix)
          .toSorted((a, b) => compareTuples(a.key, b.key))
        const expected = (reverse ? sorted.toReversed() : sorted).slice(0, limit)
        const entries = await Array.fromAsync(store.entries({ prefix, reverse, limit }))
        expect(entries.map((each) => [each.key, each.value, each.version])).toStrictEqual(
          expected.map((each) => [each.key, each.value, each.version]),
        )
      }),
    ),
  fc.constantFrom('a', 'b').map((prefix) =>
    command(`clear ${prefix}`, async (model, store) => {
      const ids = [...model].filter(([, each]) => each.key[0] === prefix).map(([id]) => id)
      for (const id of ids) model.delete(id)
      expect(await store.clear({ prefix })).toEqual({ deleted: ids.length })
    }),
  ),
]

/** Sequences of calls, each of which checks the store against the model. */
export function storeCommands(maxCommands: number): fc.Arbitrary<Iterable<Command>> {
  return fc.commands([...commands], { maxCommands })
}
