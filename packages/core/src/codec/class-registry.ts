import { CorruptError } from '../errors.ts'
import { Uuid } from '../keys/uuid.ts'
import { assertKnown, callback, oneOf } from '../options/checks.ts'

/** How instances of a class are stored: as data, under a name. */
export interface ClassOptions<T extends object = object, D = unknown> {
  /** Stored with every instance: never change it, nor give it to another class. */
  readonly name: string
  /** What is stored of an instance: anything that can be stored itself. @default its own properties */
  readonly encode?: ((instance: T) => D) | undefined
  /**
   * The instance that the data stands for; gets a copy of its own.
   * @default an object of the class with these properties, made without calling the constructor; of a subclass of a built-in
   * class, Error too, neither of the two may be left out
   */
  readonly decode?: ((data: D) => T) | undefined
}

/** A class, and how its instances are stored: as {@link ClassOptions}, of whichever class. */
export interface RegisteredClass {
  readonly type: abstract new (...args: never) => object
  readonly name: string
  readonly encode?: ((instance: never) => unknown) | undefined
  readonly decode?: ((data: never) => object) | undefined
}

/** Which classes a codec knows. */
export interface ClassesOptions {
  /** @default none */
  readonly classes?: readonly RegisteredClass[] | undefined
  /**
   * What becomes of an instance whose class is not registered where it is read: `error`: the value is CORRUPT; `keep`: it is a
   * {@link StoredInstance}, which is stored again as what it was.
   * @default 'error'
   */
  readonly unknownClass?: 'error' | 'keep' | undefined
}

export const CLASSES_OPTIONS: readonly (keyof ClassesOptions)[] = ['classes', 'unknownClass']

/** An instance of a class that is not registered here: its name, and its data. */
export class StoredInstance {
  readonly className: string
  readonly data: unknown

  constructor(className: string, data: unknown) {
    this.className = className
    this.data = data
  }
}

interface KnownClass {
  readonly name: string
  encode(instance: object): unknown
  decode(data: unknown): object
}

const TypedArray = Object.getPrototypeOf(Uint8Array) as Function

/** What is stored as it is: of those, no class changes how. */
const STORED: ReadonlySet<unknown> = new Set(
  [Object, Array, Map, Set, Date, RegExp, ArrayBuffer, DataView, Error, Uuid, StoredInstance].map(
    ({ prototype }): unknown => prototype,
  ),
)
/** What an instance of a subclass holds is not in its properties. */
const HIDING: readonly Function[] = [Array, Map, Set, Date, RegExp, ArrayBuffer, DataView, Error, TypedArray]

const NAMES = ['name', 'encode', 'decode'] as const satisfies readonly (keyof ClassOptions)[]

/** The classes of one codec. Of a subclass it knows nothing: what that adds would be lost. */
export class ClassRegistry {
  readonly unknownClass: 'error' | 'keep'
  readonly #byPrototype = new Map<unknown, KnownClass>()
  readonly #byName = new Map<string, KnownClass>()

  constructor({ classes = [], unknownClass = 'error' }: ClassesOptions) {
    this.unknownClass = oneOf('option unknownClass', unknownClass, ['error', 'keep'])
    for (const { type, ...options } of classes) this.register(type, options as ClassOptions)
  }

  /** @throws TypeError for a name or a class that is registered already or cannot be, and for a wrong option */
  register(type: abstract new (...args: never) => object, options: ClassOptions): void {
    assertKnown(options, NAMES, 'register')
    const { name } = options
    if (typeof type !== 'function') throw new TypeError('a class is registered by its constructor')
    if (typeof name !== 'string' || name === '' || !name.isWellFormed()) {
      throw new TypeError('a class is registered under a name, a text that is not empty')
    }
    const prototype: unknown = type.prototype
    if (this.#byName.has(name)) throw new TypeError(`a class is registered as ${name} already`)
    if (this.#byPrototype.has(prototype)) throw new TypeError(`the class ${type.name} is registered already`)
    if (isStored(prototype))
      throw new TypeError(`values of ${type.name} are stored as what they are, and not as instances`)
    if (
      (options.encode === undefined || options.decode === undefined) &&
      HIDING.some((base) => prototype instanceof base)
    ) {
      throw new TypeError(`what a ${type.name} holds is not in its properties: register it with encode and decode`)
    }
    const known: KnownClass = {
      name,
      encode: options.encode === undefined ? ownProperties : callback('option encode', options.encode),
      decode:
        options.decode === undefined
          ? (data) => filled(prototype as object, data)
          : callback('option decode', options.decode),
    }
    this.#byName.set(name, known)
    this.#byPrototype.set(prototype, known)
  }

  of(instance: object): KnownClass | undefined {
    return this.#byPrototype.size === 0 ? undefined : this.#byPrototype.get(Object.getPrototypeOf(instance))
  }

  named(name: string): KnownClass | undefined {
    return this.#byName.get(name)
  }
}

/** @throws CorruptError */
export function instanceOf([name, data, ...more]: readonly unknown[], classes: ClassRegistry | undefined): object {
  if (typeof name !== 'string' || more.length > 0)
    throw new CorruptError('not an encoded value: wrong arguments of an instance')
  const known = classes?.named(name)
  if (known === undefined) {
    if (classes?.unknownClass === 'keep') return new StoredInstance(name, data)
    const message = `the value holds an instance of the class ${name}, which is not registered; register it with the codec`
    throw new CorruptError(message, { mayBeWhole: true })
  }
  try {
    const instance: unknown = known.decode(data)
    if (typeof instance === 'object' && instance !== null) return instance
    throw new TypeError(`decode of the class ${name} has returned ${String(instance)}`)
  } catch (cause) {
    throw new CorruptError(`an instance of the class ${name} could not be made of what is stored of it`, {
      cause,
      mayBeWhole: true,
    })
  }
}

/** Also errors and typed arrays of the language, of which there are many. */
function isStored(prototype: unknown): boolean {
  if (STORED.has(prototype)) return true
  const base: unknown =
    typeof prototype === 'object' && prototype !== null ? Object.getPrototypeOf(prototype) : undefined
  return base === TypedArray.prototype || (base === Error.prototype && isOfLanguage(prototype))
}

function isOfLanguage(prototype: unknown): boolean {
  const type = (prototype as { constructor: Function }).constructor
  return (globalThis as Record<string, unknown>)[type.name] === type
}

function ownProperties(instance: object): unknown {
  return { ...instance }
}

function filled(prototype: object, data: unknown): object {
  if (typeof data !== 'object' || data === null) throw new TypeError(`its data is ${String(data)}`)
  const instance = Object.create(prototype) as object
  Object.defineProperties(instance, Object.getOwnPropertyDescriptors(data))
  return instance
}
