/** The types of the boundary to the worker that runs a reward function of a user. */

/** What a reward function is asked about: a problem, its answer and what the nodes wrote. */
export interface RewardRow {
  problem: string;
  answer: string;
  /** In the order in which the nodes spoke; the last is the network's answer. */
  messages: { node: string; text: string }[];
}

/** What a reward function was asked, or why it failed. */
export type RewardReply =
  | { reward: number }
  /** One line about what it did, with the line of the function where that is known. */
  | { fault: string };

export interface RewardWorkerApi {
  /** Makes the sandbox ready. Rejects where WebAssembly cannot be had. */
  open(): Promise<void>;
  /**
   * Asks the function about each row in turn, in a world of its own that is forgotten afterwards. `onRow` hears of a row
   * before it is judged. After the first fault no more rows are asked about, and the worker is of no more use.
   */
  judge(code: string, rows: readonly RewardRow[], onRow: (row: number) => void): Promise<RewardReply[]>;
}
