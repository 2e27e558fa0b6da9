export { ManualClock } from './clocks/manual-clock.ts'
export { ProcessClock } from './clocks/process-clock.ts'
export { runInVirtualTime } from './clocks/run-in-virtual-time.ts'
export { ShiftedClock } from './clocks/shifted-clock.ts'
export { backConformance } from './conformance/back/back-conformance.ts'
export type { BackCapabilities, BackContext, OpenBack } from './conformance/back/back-suite.ts'
export type { FrontCapabilities, FrontContext, OpenFront } from './conformance/front/front-suite.ts'
export { shortPages } from './conformance/back/short-pages.ts'
export { nearFrontConformance } from './conformance/front/near-front-conformance.ts'
export { sharedFrontConformance } from './conformance/front/shared-front-conformance.ts'
export type { SharedFrontServer, StartServer } from './conformance/front/shared-front-suite.ts'
export { storeConformance } from './conformance/store/store-conformance.ts'
export type { OpenStoreBack, StoreCapabilities, StoreContext } from './conformance/store/store-suite.ts'
export { tieredConformance } from './conformance/tiered/tiered-conformance.ts'
export type {
  OpenTiered,
  PolicyPerRead,
  PolicyPerWrite,
  TestedReadPolicy,
  TestedWritePolicy,
  TieredContext,
  TieredParts,
} from './conformance/tiered/tiered-suite.ts'
export {
  type FaultPlan,
  type FaultyFront,
  faultyFront,
  type FrontCall,
  type FrontFault,
  type FrontMethod,
} from './faults/faulty-front.ts'
export { Gate, type Hold } from './faults/gate.ts'
export { modelTest, type ModelTestOptions } from './model/model-test.ts'
export { type ExampleOptions, type ExampleRun, runExample } from './readme/run-example.ts'
export { type RedisServer, type RedisServerOptions, startRedis } from './redis-server/redis-server.ts'
export { startRelay, type SwitchedRelay } from './redis-server/switched-relay.ts'
export {
  BACK_FLAWS,
  type BackFlaw,
  FRONT_FLAWS,
  type FrontFlaw,
  SERVER_FLAWS,
  type ServerFlaw,
} from './simulated/flaws.ts'
export { SeededRandom } from './simulated/seeded-random.ts'
export type { ServerMeta, ServerSnapshot, StoredRecord } from './simulated/server-state.ts'
export type { OpenSharedMemory } from './simulated/shared-data.ts'
export { type SharedCommitListener, SharedMemory, type SharedMemoryOptions } from './simulated/shared-memory.ts'
export { simulatedFront, type SimulatedFrontOptions } from './simulated/simulated-front.ts'
export type { CallFate, ExecutedCall, NetworkCall, NetworkClient } from './simulated/network-call.ts'
export { SimulatedNetwork, type SimulatedNetworkOptions } from './simulated/simulated-network.ts'
export { SimulatedServer, type SimulatedServerOptions } from './simulated/simulated-server.ts'
export {
  eventOf,
  type SeenBatch,
  type ShownBatch,
  type ShownChange,
  type StreamEvent,
  type StreamHistory,
  StreamRecorder,
  type StreamRecorderOptions,
  type StreamRule,
  type StreamSession,
  validateStreams,
  type Violation,
} from './streams/index.ts'
export { eventually } from './waiting/eventually.ts'
export { VirtualClock } from './clocks/virtual-clock.ts'
export { change, codec, commit, deleting, filling, missing, setting, valueOf, type WriteExtras } from './writes.ts'
