import { SingleBar } from 'cli-progress'
import { createLogUpdate } from 'log-update'
import { fit } from './fit.ts'

/** How far something is. */
export interface ProgressBar {
  update(done: number, total: number): void
  end(): void
}

const NO_BAR: ProgressBar = { update: () => undefined, end: () => undefined }

/** Where people look. With `--json` standard output belongs to the report, and nothing is shown but to a terminal. */
export class Screen {
  /** Whether figures can be shown in place. */
  readonly isLive: boolean
  readonly #stream: NodeJS.WriteStream | undefined
  readonly #live: ReturnType<typeof createLogUpdate> | undefined

  constructor(json: boolean) {
    this.#stream = json ? (process.stderr.isTTY ? process.stderr : undefined) : process.stdout
    this.isLive = !json && process.stdout.isTTY
    this.#live = this.isLive ? createLogUpdate(process.stdout) : undefined
  }

  /** Columns there are to use. */
  get width(): number {
    return this.#stream?.columns ?? 80
  }

  say(line: string): void {
    this.#live?.clear()
    this.#stream?.write(`${line}\n`)
  }

  /** What has to be noticed, on standard error. */
  warn(line: string): void {
    this.#live?.clear()
    process.stderr.write(`${line}\n`)
  }

  /** Replaces what was shown live before. */
  show(text: string): void {
    if (this.#live === undefined) return
    this.#clearEcho()
    this.#live(fit(text, process.stdout.columns || 80, process.stdout.rows || 24))
  }

  /** Lets what is shown stay, and gives the cursor back. */
  endLive(): void {
    if (this.#live === undefined) return
    this.#clearEcho()
    this.#live.done()
  }

  /** The terminal writes `^C` where the cursor is: on the line below the frame, which is otherwise empty. */
  #clearEcho(): void {
    process.stdout.write('\r\u001B[K')
  }

  bar(title: string): ProgressBar {
    if (this.#stream?.isTTY !== true) return NO_BAR
    const bar = new SingleBar({
      stream: this.#stream,
      format: `${title} {bar} {percentage}%  {value} of {total}`,
      formatValue: (value, _options, type) =>
        type === 'percentage' ? String(value).padStart(3) : value.toLocaleString('en'),
      barsize: 28,
      barCompleteChar: '█',
      barIncompleteChar: '░',
      hideCursor: true,
      clearOnComplete: true,
      // The signals are ours.
      gracefulExit: false,
    })
    let isStarted = false
    return {
      update(done, total) {
        if (!isStarted) bar.start(total, done)
        else bar.update(done)
        isStarted = true
      },
      end: () => bar.stop(),
    }
  }
}
