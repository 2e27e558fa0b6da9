import { type ShownChange, type StreamHistory, StreamRecorder } from '@tidemark/testkit/streams'
import { decodeToken } from 'tidemark'

/** Writes down what one subscriber is given, to be judged by what is promised of watches. */
export class WatchRecord {
  readonly #subscriber: string
  #recorder: StreamRecorder
  /** The last token; undefined: it has not begun. */
  #token: string | undefined

  constructor(subscriber: string) {
    this.#subscriber = subscriber
    this.#recorder = this.#newRecorder()
  }

  /** It subscribes, or resumes, after this token. */
  begin(token: string): void {
    this.#token = token
    this.#recorder.start(token)
  }

  /** What it takes at a time: whole commits, or nothing with a token. */
  take(changes: readonly ShownChange[], token: string): void {
    this.#token = token
    this.#recorder.batch({ changes, token })
  }

  /** What was written down since the last call. @param followedTo where the subscriber must have arrived */
  history(followedTo?: number): StreamHistory {
    const history = this.#recorder.history(followedTo)
    this.#recorder = this.#newRecorder()
    if (this.#token !== undefined) this.#recorder.start(this.#token)
    return history
  }

  #newRecorder(): StreamRecorder {
    return new StreamRecorder({ subscriber: this.#subscriber, positionOf: (token) => decodeToken(token).seq })
  }
}
