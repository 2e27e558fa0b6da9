import type { Draw } from '../random.ts'
import type { Direction, TcpProxy } from '../servers/tcp-proxy.ts'
import { type Fault, type Stage, workerFault } from './fault.ts'

/** Connections break, and are welcome again at once. */
export const cut: Fault = workerFault(async ({ proxy }) => {
  proxy.cut()
  return ''
})

/** Connections break, and are refused for a while. */
export const refuse: Fault = workerFault(async ({ proxy }, { sleep }, draw) => {
  const ms = draw.between(200, 2_000)
  proxy.refuse()
  try {
    await sleep(ms)
  } finally {
    await proxy.accept()
  }
  return `for ${ms.toFixed(0)} ms`
})

function held(directions: readonly Direction[]): Fault {
  return workerFault(async ({ proxy }, { sleep }, draw) => {
    const ms = draw.between(100, 2_000)
    const isLost = draw.unit() < 0.5
    for (const direction of directions) proxy.hold(direction)
    try {
      await sleep(ms)
    } finally {
      heal(proxy, directions, isLost)
    }
    return `for ${ms.toFixed(0)} ms, then ${isLost ? 'lost' : 'delivered'}`
  })
}

function heal(proxy: TcpProxy, directions: readonly Direction[], isLost: boolean): void {
  if (isLost) proxy.cut()
  for (const direction of directions) proxy.release(direction)
}

/** Nothing gets through, and nobody is told. */
export const silence: Fault = held(['requests', 'replies'])

/** What the worker says does not arrive, or arrives much later. */
export const holdRequests: Fault = held(['requests'])

/** What the worker says is executed, and it does not hear of it. */
export const holdReplies: Fault = held(['replies'])

/** Everything takes longer, at times longer than any call waits. */
export const latency: Fault = workerFault(async ({ proxy }, { sleep }, draw) => {
  const delayMs = draw.between(1, 40)
  const ms = draw.between(300, 2_000)
  proxy.delay(delayMs)
  try {
    await sleep(ms)
  } finally {
    proxy.delay(0)
  }
  return `${delayMs.toFixed(0)} ms each way for ${ms.toFixed(0)} ms`
})

/**
 * What every worker says is held up again and again, each time for less than a call waits. Nobody fails, and what was
 * sent first often arrives last: the races that fences are there for.
 */
export const stutter: Fault = {
  lane: 'workers',
  rollsBack: false,
  async run(stage, draw) {
    const ms = draw.between(1_500, 3_000)
    await Promise.all(stage.fleet.seats.map(({ proxy }) => stutterOne(proxy, ms, stage, draw)))
    return `for ${ms.toFixed(0)} ms`
  },
}

async function stutterOne(proxy: TcpProxy, ms: number, { sleep, signal }: Stage, draw: Draw): Promise<void> {
  const end = performance.now() + ms
  while (performance.now() < end && !signal.aborted) {
    proxy.hold('requests')
    try {
      await sleep(draw.between(5, 45))
    } finally {
      proxy.release('requests')
    }
    await sleep(draw.between(0, 15))
  }
}
