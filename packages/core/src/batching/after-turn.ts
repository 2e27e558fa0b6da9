type Immediate = (task: () => void) => unknown

/**
 * Runs `task` when the current turn of the event loop is over: after every promise continuation and every socket
 * callback that is ready now. That is what lets everything asked for in one turn travel together.
 */
export const afterTurn: (task: () => void) => void = createAfterTurn()

function createAfterTurn(): (task: () => void) => void {
  const immediate = (globalThis as { setImmediate?: Immediate }).setImmediate
  if (immediate !== undefined) return (task) => void immediate(task)
  // Browsers: a message is the earliest task that is not throttled as timers are.
  const tasks: (() => void)[] = []
  const { port1, port2 } = new MessageChannel()
  port1.onmessage = () => tasks.shift()?.()
  return (task) => {
    tasks.push(task)
    port2.postMessage(undefined)
  }
}
