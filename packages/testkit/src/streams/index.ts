export type { SeenBatch, StreamEvent, StreamHistory, StreamRule, StreamSession, Violation } from './stream-history.ts'
export {
  eventOf,
  type ShownBatch,
  type ShownChange,
  StreamRecorder,
  type StreamRecorderOptions,
} from './stream-recorder.ts'
export { validateStreams } from './validate-streams.ts'
