/**
 * An engine in which some nodes are helpers: their messages come from writers (`writer.ts`), those of all others from the
 * engine behind it. To a helper belong no adapter, no rollout and no update; asking for one is a mistake of the caller.
 */
import { describeHelper, HelperError, sourceOf, type Helper } from '../graph/helper.ts';
import { mix } from '../random.ts';
import type { EngineApi, GenerateRequest, GenerateResult, NodeConfig, NodePrompts } from '../../workers/engine-api.ts';
import type { Writer, Written, WriteRequest } from './writer.ts';

/** Lends the writer of a helper; it has been allowed, or a HelperError says how to allow it. */
export interface Writers {
  borrow(helper: Helper): Promise<Writer>;
  giveBack(helper: Helper): Promise<void>;
}

interface Place {
  config: NodeConfig;
  helper: Helper;
  writer: Writer;
}

export function withHelpers(engine: EngineApi, writers: Writers): EngineApi {
  const places = new Map<string, Place>();
  /** Sources and models that were found: growth and restoring put nodes in again, and need not ask. */
  const checked = new Set<string>();

  async function addHelper(config: NodeConfig, helper: Helper): Promise<void> {
    if (places.has(config.id)) throw new Error(`node ${config.id} is there already`);
    await about(config.id, helper, async () => {
      const writer = await writers.borrow(helper);
      const what = JSON.stringify([sourceOf(helper), helper.model]);
      try {
        if (!checked.has(what)) await writer.check(helper.model);
        checked.add(what);
      } catch (error) {
        await writers.giveBack(helper);
        throw error;
      }
      places.set(config.id, { config, helper, writer });
    });
  }

  async function removeHelper(id: string, { helper }: Place): Promise<void> {
    places.delete(id);
    await writers.giveBack(helper);
  }

  /** All helpers of a call write side by side; with several that fail, the first that did is told. */
  async function ask(request: GenerateRequest, nodes: NodePrompts[], signal?: AbortSignal) {
    const stop = new AbortController();
    const all = signal ? AbortSignal.any([signal, stop.signal]) : stop.signal;
    return Promise.all(
      nodes.map(async ({ node, prompts, rows }) => {
        const place = places.get(node)!;
        try {
          const written = await about(node, place.helper, () => writeAll(place, request, prompts, rows, all));
          return { node, written };
        } catch (error) {
          stop.abort(error);
          throw error;
        }
      }),
    );
  }

  return {
    info: () => engine.info(),
    addNode: (config, state) => (config.helper ? addHelper(config, config.helper) : engine.addNode(config, state)),
    removeNode: (id) => {
      const place = places.get(id);
      return place ? removeHelper(id, place) : engine.removeNode(id);
    },
    generate: async (request, signal) => {
      const helped = request.nodes.filter(({ node }) => places.has(node));
      if (helped.length === 0) return engine.generate(request, signal);
      const own = request.nodes.filter(({ node }) => !places.has(node));
      const start = performance.now();
      const [computed, asked] = await Promise.allSettled([
        own.length > 0 ? engine.generate({ ...request, nodes: own }, signal) : Promise.resolve(NOTHING),
        ask(request, helped, signal),
      ]);
      if (computed.status === 'rejected') throw computed.reason;
      if (asked.status === 'rejected') {
        const { rollout } = computed.value;
        if (rollout !== null) await engine.release(rollout);
        throw asked.reason;
      }
      return together(request, computed.value, asked.value, (performance.now() - start) / 1000);
    },
    update: (request) => engine.update(request),
    release: (rollout) => engine.release(rollout),
    exportNodes: (ids) => engine.exportNodes(ids),
    importNode: (id, state) => engine.importNode(id, state),
    score: (request) => engine.score(request),
    destroy: async () => {
      await Promise.allSettled([...places].map(([id, place]) => removeHelper(id, place)));
      await engine.destroy();
    },
  };
}

const NOTHING: GenerateResult = { rollout: null, nodes: [], tokens: { prompt: 0, message: 0 }, seconds: {} };

/** Greedy, a prompt has one answer: it is asked for once. */
async function writeAll(
  { config, helper, writer }: Place,
  { sampling, chat, details, seed, step }: GenerateRequest,
  prompts: readonly string[],
  rows: readonly number[],
  signal: AbortSignal,
): Promise<Written[]> {
  const greedy = sampling.temperature === 0;
  const asked = new Map<string | number, number>();
  const requests: WriteRequest[] = [];
  const places = prompts.map((prompt, i) => {
    const key = greedy ? prompt : i;
    const known = asked.get(key);
    if (known !== undefined) return known;
    const own = [seed, step, config.key, rows[i] ?? 0].reduce((state, part) => mix(state ^ part), 0);
    asked.set(key, requests.length);
    return requests.push({ prompt, seed: own }) - 1;
  });
  // A compact message is one line; one in words may have several, whatever the network around it writes.
  const given = (sampling.stop ?? []).filter((end) => chat || end !== '\n');
  const stop = helper.prompt === 'compact' ? [...given, '\n'] : given;
  const { model, concurrency } = helper;
  const written = await writer.write(requests, { model, sampling, stop, details, concurrency, signal });
  return places.map((place, i) => {
    const one = written[place];
    if (!one) throw new HelperError(`no message came back for prompt ${i + 1}`);
    // A prompt that was asked once is counted once.
    return places.indexOf(place) === i ? one : { ...one, promptTokens: 0 };
  });
}

function together(
  request: GenerateRequest,
  computed: GenerateResult,
  asked: readonly { node: string; written: Written[] }[],
  seconds: number,
): GenerateResult {
  const messages = new Map(computed.nodes.map(({ node, messages }) => [node, messages]));
  for (const { node, written } of asked) {
    messages.set(
      node,
      written.map(({ message }) => message),
    );
  }
  const all = asked.flatMap(({ written }) => written);
  return {
    rollout: computed.rollout,
    nodes: request.nodes.map(({ node }) => ({ node, messages: messages.get(node) ?? [] })),
    tokens: {
      prompt: computed.tokens.prompt + all.reduce((sum, { promptTokens }) => sum + promptTokens, 0),
      message: computed.tokens.message + all.reduce((sum, { message }) => sum + message.tokens, 0),
    },
    seconds: { ...computed.seconds, helpers: seconds },
  };
}

/** Names the node and its helper in a HelperError. */
async function about<T>(node: string, helper: Helper, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (!(error instanceof HelperError)) throw error;
    throw new HelperError(`node ${node}, ${describeHelper(helper)}: ${error.message}`, { cause: error });
  }
}
