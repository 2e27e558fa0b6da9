import { readFileSync } from 'node:fs'

/** The parent of another process, where the system tells it without starting a program (Linux); undefined elsewhere. */
export function parentOf(pid: number): number | undefined {
  try {
    // `pid (name) state ppid …`; the name may contain anything, parentheses too.
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
    return Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[1])
  } catch {
    return undefined
  }
}
