import { spawn } from 'node:child_process'
import type { Socket } from 'node:net'

/**
 * Kills `pid` when this process ends, however it ends: a test runner may kill its workers, and a killed process runs no
 * handler. A shell waits for the end of a pipe that only this process holds open.
 * @returns ends the guard; to be called as soon as `pid` has ended, before its number is given to another process
 */
export function guard(pid: number): () => void {
  const shell = spawn('/bin/sh', ['-c', 'read -r word; [ "$word" = over ] || kill -9 "$1"', 'sh', String(pid)], {
    stdio: ['pipe', 'ignore', 'ignore'],
    // Out of reach of a Ctrl-C in the terminal, which would end it first.
    detached: true,
  })
  // Without a shell there is no guard; the handler for a clean exit remains.
  shell.on('error', () => {})
  shell.stdin.on('error', () => {})
  shell.unref()
  ;(shell.stdin as Socket).unref()
  return () => void shell.stdin.end('over\n')
}
