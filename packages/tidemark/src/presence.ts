import { readFileSync, readlinkSync } from 'node:fs'
import { hostname } from 'node:os'
import type { Presence } from '@tidemark/tiered'

/** A process, as the machine knows it. What a platform cannot tell is left out. */
interface Described {
  readonly host: string
  /** Numbers of processes mean the same to those that have this in common. */
  readonly numbering?: string
  readonly boot?: string
  readonly pid: number
  /** Tells it from a later one with its number. */
  readonly started?: string
}

/**
 * Tells whether a process is gone that has left writes behind: so they are recovered at once after a crash, and not when its
 * lease has run out. A wrong answer costs no more than a moment of the other one's time: leases decide.
 */
export const presence: Presence = {
  describe: () => ({ host: hostname(), pid: process.pid, ...machine(), ...startOf(process.pid) }),
  isGone(described) {
    const { host, numbering, boot, pid, started } = described as Partial<Described>
    const here = machine()
    if (pid === undefined || host !== hostname()) return false
    if (boot !== undefined && here.boot !== undefined && boot !== here.boot) return true
    if (numbering !== here.numbering) return false
    if (!isRunning(pid)) return true
    const now = startOf(pid).started
    return started !== undefined && now !== undefined && now !== started
  },
}

function machine(): Pick<Described, 'numbering' | 'boot'> {
  const numbering = attempt(() => readlinkSync('/proc/self/ns/pid'))
  const boot = attempt(() => readFileSync('/proc/sys/kernel/random/boot_id', 'latin1').trim())
  return { ...(numbering !== undefined && { numbering }), ...(boot !== undefined && { boot }) }
}

/**
 * https://man7.org/linux/man-pages/man5/proc_pid_stat.5.html: the 22nd field; the second one, in parentheses, may hold
 * anything.
 */
function startOf(pid: number): Pick<Described, 'started'> {
  const stat = attempt(() => readFileSync(`/proc/${pid}/stat`, 'latin1'))
  const started = stat?.slice(stat.lastIndexOf(')') + 2).split(' ')[19]
  return started === undefined ? {} : { started }
}

function isRunning(pid: number): boolean {
  const state = attempt(() => readFileSync(`/proc/${pid}/stat`, 'latin1'))
  // Dead, and nobody has asked for its exit code yet.
  if (state !== undefined && /\) [ZX] /.test(state)) return false
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    return (error as NodeJS.ErrnoException).code !== 'ESRCH'
  }
}

function attempt<T>(read: () => T): T | undefined {
  try {
    return read()
  } catch {
    return undefined
  }
}
