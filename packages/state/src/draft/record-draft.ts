import { DRAFT, type Draft, type DraftScope } from './draft.ts'
import { type Access, KeyedChanges, type Writer } from './keyed-changes.ts'
import { setOwn } from './own-property.ts'
import type { Place, StateHash } from './state-hash.ts'

type AnyRecord = Record<string, unknown>

const ACCESS: Access<AnyRecord, string> = {
  has: (record, name) => Object.hasOwn(record, name),
  // Inherited methods come along, as of any object; its prototype does not.
  get: (record, name) => (name === '__proto__' && !Object.hasOwn(record, name) ? undefined : record[name]),
  keys: (record) => Object.keys(record),
}

/** Is the target of its own proxy, which spares an object. */
class RecordDraft implements Draft {
  readonly base: AnyRecord
  readonly scope: DraftScope
  readonly changes: KeyedChanges<AnyRecord, string>
  readonly proxy: object
  #settled: AnyRecord | undefined

  constructor(scope: DraftScope, base: AnyRecord) {
    this.scope = scope
    this.base = base
    this.changes = new KeyedChanges(base, ACCESS, scope)
    this.proxy = new Proxy<RecordDraft>(this, HANDLER)
  }

  check(path: string, depth: number): void {
    this.changes.check((name) => `${path}.${name}`, depth)
  }

  isChanged(): boolean {
    return this.changes.isChanged()
  }

  subtractOld(hash: StateHash, place: Place): void {
    this.changes.subtractOld(hash, place)
  }

  settle(): object {
    return (this.#settled ??= this.#settle())
  }

  addNew(hash: StateHash): void {
    this.changes.addNew(hash, this.#settled!)
  }

  #settle(): AnyRecord {
    let settled = this.base
    this.changes.settleInto(() => {
      settled = this.scope.writable(this.base, (base) => ({ ...base }))
      return writerOf(settled)
    })
    return settled
  }
}

function writerOf(record: AnyRecord): Writer<string> {
  return { remove: (name) => delete record[name], put: (name, value) => setOwn(record, name, value) }
}

const HANDLER: ProxyHandler<RecordDraft> = {
  get(draft, name) {
    if (typeof name === 'symbol') return name === DRAFT ? draft : Reflect.get(Object.prototype, name)
    draft.scope.assertLive()
    return draft.changes.get(name)
  },
  set(draft, name, value) {
    draft.scope.assertWritable()
    draft.changes.set(writableName(name), value)
    return true
  },
  has(draft, name) {
    draft.scope.assertLive()
    return typeof name === 'string' && (draft.changes.has(name) || name in Object.prototype)
  },
  deleteProperty(draft, name) {
    draft.scope.assertWritable()
    if (typeof name === 'string') draft.changes.delete(name)
    return true
  },
  ownKeys(draft) {
    draft.scope.assertLive()
    // As every object orders them: whole numbers first. Made by one, so that the order is the language's.
    const names: Record<string, undefined> = {}
    for (const name of draft.changes.keys()) setOwn(names, name, undefined)
    return Object.keys(names)
  },
  getOwnPropertyDescriptor(draft, name) {
    draft.scope.assertLive()
    if (typeof name !== 'string' || !draft.changes.has(name)) return undefined
    return { value: draft.changes.get(name), writable: true, enumerable: true, configurable: true }
  },
  defineProperty(draft, name, descriptor) {
    draft.scope.assertWritable()
    if (!('value' in descriptor)) throw new TypeError('a state has no getters and setters')
    draft.changes.set(writableName(name), descriptor.value)
    return true
  },
  getPrototypeOf: () => Object.prototype,
  setPrototypeOf: () => false,
  preventExtensions: () => false,
}

function writableName(name: string | symbol): string {
  if (typeof name === 'symbol') throw new TypeError('a state has no properties that are named by symbols')
  if (name === '__proto__') throw new TypeError('a property of a state cannot be called __proto__')
  return name
}

export function openRecord(scope: DraftScope, base: AnyRecord): Draft {
  return new RecordDraft(scope, base)
}
