import type { Plan } from '../graph/plan.ts';
import type { Transcript } from '../training/types.ts';

/** A transcript under the names that its nodes have now; nodes that have gone keep none and are left out. */
export function renamed(transcript: Transcript, then: Plan, now: Plan): Transcript {
  const names = new Map(
    then.nodes.flatMap(({ id, key }): [string, string][] => {
      const found = now.nodes.find((node) => node.key === key);
      return found ? [[id, found.id]] : [];
    }),
  );
  return {
    ...transcript,
    nodes: transcript.nodes.flatMap((node) => {
      const name = names.get(node.node);
      if (name === undefined) return [];
      const heard = node.heard.map(({ from, text }) => ({ from: names.get(from) ?? from, text }));
      return { ...node, node: name, heard };
    }),
  };
}
