import type { Observable } from 'rxjs'
import type { Change } from './change.ts'
import type { HookError } from './hook-error.ts'
import type { Hook } from './hook-runner.ts'

export interface HookOptions {
  /**
   * How many changes may wait for this hook. When one more comes, the hook is removed and a `hook-disconnected` error
   * says from which change on it missed something: memory stays bounded, and nothing is lost silently.
   * @default 10000
   */
  readonly maxPending?: number | undefined
  /**
   * Takes the place of a hook with the same id. Without it that is a TypeError: two modules that chose one id by accident
   * would silently disconnect each other.
   * @default false
   */
  readonly replace?: boolean | undefined
  /**
   * Also gives each change the value that it replaced, as `old`. It is looked up in the log right after the commit, once for
   * all hooks that ask; nothing is looked up for the others. A hook that asks takes its changes as an asynchronous one does,
   * and what waits for it keeps its old values in memory.
   *
   * What the log does not hold at that moment, because it was compacted, is undefined, and `oldCompacted` says so; the same
   * where a store is closed before that of its last writes is looked up. A log or a blob that was replaced has no value.
   * Where the log cannot be read, the hook is not called with the change, and the failure is reported as its own.
   * @default false
   */
  readonly old?: boolean | undefined
}

/**
 * The committed writes of this process, as they happen.
 *
 * Delivery is in-process and at most once: in seq order, exactly the changes that the back tier committed for this store
 * while the subscriber or hook was there. Fills, evictions and rolled back writes never appear; what other processes
 * write does not either, and what was in flight when the process died is gone. For all of that there is `changes()`.
 *
 * Changes are delivered in a microtask after the commit became durable, never inside the commit: nothing that happens
 * here can fail, delay or undo the write. A write made by a hook or subscriber is delivered after what is being
 * delivered, to everyone. Nobody's failure, slowness or removal reaches anyone else.
 */
export interface HookBus {
  /**
   * Hot. Never fails; completes on close. A `next` handler that throws or rejects goes on with the next change, and the failure
   * goes to `hookErrors$`, as does an error in an operator when the subscriber has no `error` handler.
   */
  readonly writes$: Observable<Change>
  /** Hot. Every failure of a hook or subscriber. While nobody listens, failures are printed with `console.error`. */
  readonly hookErrors$: Observable<HookError>
  /**
   * Calls `hook` for each change that is committed from now on, one at a time: the next waits until the promise that the
   * last call returned has settled. A failed call is reported and not repeated.
   *
   * @throws TypeError when the id is taken and `replace` is not set, or is empty, and for `old` where the bus has no log;
   * RangeError for `maxPending`; ClosedError.
   */
  add(id: string, hook: Hook, options?: HookOptions): void
  /** The hook is not called again; what waits for it is dropped. A call under way goes on. @returns whether it existed. */
  remove(id: string): boolean
  /** Resolves when everything committed until then is delivered and every hook has finished. Not to be awaited in a hook. */
  idle(): Promise<void>
  /**
   * Takes no more commits, delivers what was committed, waits up to `closeGraceMs` for the hooks that are still busy, and
   * completes the streams; hooks that are not done by then are reported as `hook-disconnected`. Idempotent.
   *
   * Not to be awaited in a hook, and neither is the `close()` of the store, which awaits this one: it waits for the hook
   * that waits for it, until the grace is over and the hook is abandoned.
   */
  close(): Promise<void>
}
