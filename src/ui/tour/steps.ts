/** The six steps of the tour: what each says, what its button does, and when it has been seen. */
import type { Session } from '../../session/session.ts';
import type { SessionState } from '../../session/state.ts';
import { inWords, nodeName, percent, shown } from '../theme/words.ts';

/** Parts of the page that a step is about. */
export type TourTarget = 'centre' | 'curves' | 'settings';

export interface TourContext {
  session: Session;
  state: SessionState;
  /** The state when the step was begun. */
  since: SessionState;
  /** Trains at full speed. */
  train: () => void;
}

export interface TourStep {
  title: string;
  target: TourTarget;
  text: (context: TourContext) => string;
  /** What came of it, once there is something to say. */
  outcome: (context: TourContext) => string | null;
  /** The step's button, or null where there is nothing (more) to do. */
  action: (context: TourContext) => { label: string; run: () => void } | null;
  /** Tidies up when the reader goes on. */
  leave?: (context: TourContext) => Promise<void>;
}

const training = ({ activity }: SessionState): boolean => activity === 'training' || activity === 'pausing';
const untrained = ({ evaluations, measured }: SessionState) =>
  evaluations.find(({ step }) => step === 0) ?? (measured?.step === 0 ? measured : undefined);

/** The training button of two steps: begins, then pauses. */
function trainOrPause({ state, session, train }: TourContext) {
  return training(state) ? { label: 'Pause', run: () => void session.pause() } : { label: 'Train', run: train };
}

/** A few messages of the first layer, as they were written. */
function firstMessages({ shown: on, plan }: SessionState): string {
  const first = plan.layers[0]?.map(({ id }) => id) ?? [];
  const said = on?.transcript.nodes.filter(({ node }) => first.includes(node)) ?? [];
  return said
    .slice(0, 3)
    .map(({ node, message }) => `node ${nodeName(node)} wrote “${shown(message.text, 24) || 'nothing'}”`)
    .join(', ');
}

/** With as many steps ahead as the whole run had: what it was to learn before may be nearly over. */
async function addInFront({ session, state }: TourContext): Promise<void> {
  const { step, spec } = state;
  session.configure({ training: { steps: step + spec.training.steps } });
  await session.edit({ do: 'add-layer', layer: 1, width: 1 });
}

/** The level the tour goes up to: the next, as far as there is one. A node in front makes that one within a minute. */
function harder({ task, spec }: SessionState): number | null {
  return task.levels.map(({ level }) => level).find((level) => level > spec.task.level) ?? null;
}

export const steps: readonly TourStep[] = [
  {
    title: 'Let them try',
    target: 'centre',
    text: ({ state }) =>
      state.step > 0
        ? 'This network has been trained already. Begin with an untrained one; what this one learned stays in your runs.'
        : `${inWords(state.plan.nodes.length)} small language models. Each reads the problem and what the nodes before it wrote, and writes one short line; the last one answers. Nobody told them how to share the work.`,
    action: ({ session, state }) =>
      state.step > 0
        ? { label: 'Begin untrained', run: () => void session.begin() }
        : {
            label: 'Run a problem',
            run: () => void session.tryProblem(null).then(() => session.measure()),
          },
    outcome: ({ state }) => {
      const test = untrained(state);
      if (state.step > 0 || !test) return null;
      return `Untrained, they get ${percent(test.accuracy)} of ${test.problems} test problems right.`;
    },
  },
  {
    title: 'Train them',
    target: 'curves',
    text: () =>
      'Train for ten seconds or more. They try practice problems; a right answer is the only reward, the same for all, and each node does more of what came before it.',
    action: trainOrPause,
    outcome: ({ state, since }) => {
      const last = state.evaluations.at(-1);
      if (state.step <= since.step || !last) return null;
      const before = untrained(state);
      const was = before && last.step > 0 ? `, ${percent(before.accuracy)} untrained` : '';
      return `Step ${state.step}: ${percent(last.accuracy)} right in tests${was}.`;
    },
    leave: ({ session }) => session.pause(),
  },
  {
    title: 'Read what they write',
    target: 'centre',
    text: () => 'Run a test problem and read the messages of the first nodes. Who does which half?',
    action: ({ session }) => ({ label: 'Run a problem', run: () => void session.tryProblem(null) }),
    outcome: ({ state, since }) => {
      if (!state.shown || state.shown === since.shown || training(state)) return null;
      return `For ${shown(state.shown.transcript.problem, 40)} ${firstMessages(state)}. Nobody assigned that.`;
    },
  },
  {
    title: 'Blank a node',
    target: 'centre',
    text: () => 'Is each of them needed? Blank one: it still writes, but nobody hears it.',
    action: ({ session, state }) => {
      const id = state.plan.nodes[0]?.id;
      return id === undefined || state.blanked.includes(id)
        ? null
        : { label: `Blank node ${nodeName(id)}`, run: () => void session.blank(id, true) };
    },
    outcome: ({ state }) => {
      const [found] = Object.entries(state.effects);
      if (!found) return null;
      const [id, { whole, blanked }] = found;
      const [with_, without] = [percent(whole), percent(blanked)];
      if (whole - blanked > 0.02) {
        return `Without node ${nodeName(id)}, accuracy falls from ${with_} to ${without}: it was doing part of the work.`;
      }
      return `Without node ${nodeName(id)}: ${without}, with it ${with_}. It is not needed yet; train longer and try again.`;
    },
    leave: async ({ session, state }) => {
      for (const id of state.blanked) await session.blank(id, false);
    },
  },
  {
    title: 'Ask for more',
    target: 'settings',
    text: ({ state, since }) => {
      const level = state.spec.task.level === since.spec.task.level ? harder(state) : state.spec.task.level;
      return level === null
        ? 'This is the hardest level there is.'
        : `Now level ${level}, with problems it has never practised.`;
    },
    action: ({ session, state, since }) => {
      const level = harder(state);
      if (level === null || state.spec.task.level !== since.spec.task.level) return null;
      const run = async (): Promise<void> => {
        await session.pause();
        session.configure({ task: { level } });
        await session.tryProblem(null);
        await session.measure();
      };
      return { label: `Try level ${level}`, run: () => void run() };
    },
    outcome: ({ state }) => {
      const { measured, spec } = state;
      if (measured?.level !== spec.task.level || measured.step !== state.step) return null;
      return `At level ${measured.level} it gets ${percent(measured.accuracy)} right: more work than it has learned to share.`;
    },
  },
  {
    title: 'Add a node',
    target: 'centre',
    text: ({ state, since }) =>
      state.plan.nodes.length === since.plan.nodes.length
        ? 'More work, more hands: put a node in front, whose message the next ones read. They keep what they learned.'
        : 'The new one starts as the plain base, and the others have never heard such a message. Train for half a minute, and watch them make room for it.',
    action: (context) =>
      context.state.plan.nodes.length === context.since.plan.nodes.length
        ? { label: 'Add a node', run: () => void addInFront(context) }
        : trainOrPause(context),
    outcome: ({ state, since }) => {
      const { evaluations, plan, step, spec } = state;
      if (plan.nodes.length <= since.plan.nodes.length) return null;
      const nodes = `${inWords(plan.nodes.length)} nodes now`;
      const last = evaluations.at(-1);
      if (!last || last.step <= since.step) return `${nodes}. That was the tour: everything here can be tried.`;
      const before =
        since.measured?.level === spec.task.level ? `, ${percent(since.measured.accuracy)} before it came` : '';
      return `${nodes}, step ${step}: ${percent(last.accuracy)} right in tests${before}. That was the tour: everything here can be tried.`;
    },
  },
];
