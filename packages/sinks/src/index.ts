export { jsonLines, type JsonLinesSink } from './json-lines/json-lines.ts'
export type { JsonLinesOptions, RotateOptions } from './json-lines/options.ts'
export type { Sink, SinkChange, SinkContext } from './sink.ts'
