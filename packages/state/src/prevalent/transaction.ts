import { type Draft, draftOf } from '../draft/draft.ts'
import type { Owned } from '../draft/owned.ts'
import { Scope } from '../draft/scope.ts'
import { ROOT, StateHash } from '../draft/state-hash.ts'
import { storable } from '../draft/storable.ts'
import { seededRandom } from '../random.ts'

/** What a transaction function gets beside its arguments. Everything else that it uses has to be the same at every replay. */
export interface Transaction<S> {
  /** The state, to read and to change as any object; may also be replaced. Readers see the outcome when it is durable. */
  state: S
  /** Wall-clock milliseconds of this transaction; the same when it is replayed, and never less than that of an earlier one. */
  readonly now: number
  /** Of all transactions, from 1 on. */
  readonly number: number
  /** From 0 to below 1; the same sequence when it is replayed. */
  readonly random: () => number
}

/** A function that changes the state. Synchronous, and a function of nothing but what it gets. */
// oxlint-disable-next-line typescript/no-explicit-any -- of arguments, which its caller's type tells
export type TransactionFunction<S> = (transaction: Transaction<S>, ...args: any[]) => unknown

/** What the outside world told a transaction, which is recorded. */
export interface Circumstances {
  readonly number: number
  readonly now: number
  readonly seed: number
}

/** A state that nobody changes, and its hash. */
export interface Settled {
  readonly root: unknown
  readonly hash: StateHash
}

export interface Outcome extends Settled {
  readonly result: unknown
}

/**
 * Runs a transaction over a state. When it throws, the state is as it was.
 * @param owned what may be changed where it is; see {@link Owned}
 * @param isTold whether anybody gets the result: what is in it is from then on in two places
 * @throws what the function throws; TypeError for what cannot be in a state, and for an asynchronous function
 */
export function runTransaction(
  fn: TransactionFunction<never>,
  { root, hash }: Settled,
  {
    owned,
    args,
    circumstances,
    isTold = true,
  }: {
    readonly owned: Owned
    readonly args: readonly unknown[]
    readonly circumstances: Circumstances
    readonly isTold?: boolean | undefined
  },
): Outcome {
  const scope = new Scope(owned)
  const attempt = new Attempt(scope, root, circumstances)
  try {
    const result = (fn as TransactionFunction<unknown>)(attempt, ...args)
    if (result instanceof Promise) throw asynchronous(result)
    scope.seal()
    attempt.check()
    const told = isTold ? storable(result, 'the result', 0) : undefined
    // From here on nothing fails: what is changed where it is could not be taken back.
    const next = new StateHash(hash)
    return { root: attempt.settle(next), hash: next, result: scope.settled(told) }
  } finally {
    scope.end()
  }
}

class Attempt implements Transaction<unknown> {
  readonly #scope: Scope
  readonly #root: unknown
  readonly #circumstances: Circumstances
  readonly #draft: Draft | undefined
  readonly random: () => number
  #state: unknown

  constructor(scope: Scope, root: unknown, circumstances: Circumstances) {
    this.#scope = scope
    this.#root = root
    this.#circumstances = circumstances
    let draw: (() => number) | undefined
    this.random = () => (draw ??= seededRandom(circumstances.seed))()
    this.#draft = typeof root === 'object' && root !== null ? scope.open(root) : undefined
    this.#state = this.#draft?.proxy ?? root
  }

  get state(): unknown {
    this.#scope.assertLive()
    return this.#state
  }

  set state(value: unknown) {
    this.#scope.assertWritable()
    this.#state = value
  }

  get now(): number {
    return this.#circumstances.now
  }

  get number(): number {
    return this.#circumstances.number
  }

  check(): void {
    if (this.#isReplaced) this.#state = storable(this.#state, 'state', 0)
    else this.#draft?.check('state', 0)
  }

  settle(hash: StateHash): unknown {
    const draft = this.#draft
    if (!this.#isReplaced) {
      draft?.subtractOld(hash, ROOT)
      const settled = draft === undefined ? this.#root : draft.settle()
      draft?.addNew(hash, ROOT)
      return settled
    }
    hash.subtract(ROOT, this.#root)
    const settled = this.#scope.settled(this.#state)
    hash.add(ROOT, settled)
    return settled
  }

  get #isReplaced(): boolean {
    return this.#draft === undefined
      ? !Object.is(this.#state, this.#root)
      : typeof this.#state !== 'object' || this.#state === null || draftOf(this.#state) !== this.#draft
  }
}

function asynchronous(result: Promise<unknown>): TypeError {
  // Nobody will wait for it any more; its failure must not become an unhandled rejection.
  result.catch(() => undefined)
  return new TypeError(
    'a transaction must not be async: it cannot be replayed; wait before, and pass what came as arguments',
  )
}
