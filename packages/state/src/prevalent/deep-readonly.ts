type Whole =
  | string
  | number
  | bigint
  | boolean
  | symbol
  | null
  | undefined
  | Date
  | RegExp
  | ArrayBuffer
  | ArrayBufferView

/** The type of a value that is unchangeable all the way down. Dates, regular expressions and bytes are what they are. */
export type DeepReadonly<T> = 0 extends 1 & T
  ? T
  : T extends Whole
    ? T
    : T extends ReadonlyMap<infer K, infer V>
      ? ReadonlyMap<K, DeepReadonly<V>>
      : T extends ReadonlySet<infer M>
        ? ReadonlySet<DeepReadonly<M>>
        : T extends object
          ? { readonly [K in keyof T]: DeepReadonly<T[K]> }
          : T
