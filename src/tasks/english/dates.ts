import type { Random } from '../../random.ts';
import type { Problem, Task } from '../task.ts';
import { noSuchProblem, oneOf, rewardOf, tidy } from './answer.ts';

const WEEK = ['Monday', 'Tuesday', 'Wednesday', 'Thursday', 'Friday', 'Saturday', 'Sunday'];
const MONTHS = [
  'January',
  'February',
  'March',
  'April',
  'May',
  'June',
  'July',
  'August',
  'September',
  'October',
  'November',
  'December',
];
/** Days of a level's longest way. */
const LONGEST = [30, 10, 60, 400] as const;

/** Days and dates that lie some days away. Level 1 asks for a day of the week, the others for a date. */
export const dates: Task = {
  name: 'dates',
  title: 'Days and dates',
  description: 'Say which day or date lies so many days away. Months and leap years make it hard.',
  english: true,
  levels: [
    { level: 1, label: 'days of the week', example: 'Today is Monday. Which day is it in 10 days?' },
    { level: 2, label: 'up to 10 days', example: 'Today is 2024-02-25. Which date is it in 7 days?' },
    { level: 3, label: 'up to 60 days', example: 'Today is 2023-12-20. Which date was it 45 days ago?' },
    { level: 4, label: 'up to 400 days', example: 'Today is 2024-02-29. Which date is it in 366 days?' },
  ],
  sample(random, level) {
    const away = (1 + random.below(LONGEST[level - 1] ?? 400)) * (random.below(2) === 1 ? 1 : -1);
    return level === 1 ? dayProblem(random.below(7), away) : dateProblem(dayNumber(...anyDate(random)), away);
  },
  reward(problem, message) {
    if (WEEK.includes(problem.answer)) return onWeekday(problem, message);
    const wrote = readDate(message);
    return rewardOf(wrote, wrote === problem.answer);
  },
  parse(text) {
    const found =
      /^Today is (?:(\w{6,9})|(\d{4})-(\d\d)-(\d\d))\. Which (day|date) (?:is it in (\d{1,4}) days?|was it (\d{1,4}) days? ago)\?$/.exec(
        tidy(text),
      );
    const [, day, year, month, date, asked, ahead, ago] = found ?? [];
    const away = ahead === undefined ? -Number(ago) : Number(ahead);
    const weekday = WEEK.indexOf(day ?? '');
    if (asked === 'day' && weekday >= 0) return dayProblem(weekday, away);
    const parts = [Number(year), Number(month), Number(date)] as const;
    if (asked !== 'date' || year === undefined || !isDate(...parts)) {
      throw noSuchProblem(text, this.levels[1]?.example ?? '');
    }
    return dateProblem(dayNumber(...parts), away);
  },
  chance: (level) => (level === 1 ? 1 / 7 : 1e-3),
};

const onWeekday = oneOf(WEEK);

const when = (away: number): string => {
  const days = `${Math.abs(away)} day${Math.abs(away) === 1 ? '' : 's'}`;
  return away < 0 ? `was it ${days} ago` : `is it in ${days}`;
};

const dayProblem = (day: number, away: number): Problem => ({
  text: `Today is ${WEEK[day] ?? ''}. Which day ${when(away)}?`,
  answer: WEEK[(((day + away) % 7) + 7) % 7] ?? '',
});

const dateProblem = (day: number, away: number): Problem => ({
  text: `Today is ${dateText(day)}. Which date ${when(away)}?`,
  answer: dateText(day + away),
});

function anyDate(random: Random): [number, number, number] {
  const [year, month] = [1990 + random.below(50), 1 + random.below(12)];
  return [year, month, 1 + random.below(lengthOf(year, month))];
}

const isLeap = (year: number): boolean => (year % 4 === 0 && year % 100 !== 0) || year % 400 === 0;
const lengthOf = (year: number, month: number): number =>
  month === 2 && isLeap(year) ? 29 : ([31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31][month - 1] ?? 0);
const isDate = (year: number, month: number, day: number): boolean =>
  year >= 1900 && year <= 2100 && month >= 1 && month <= 12 && day >= 1 && day <= lengthOf(year, month);

/** Days since 1800-01-01. */
function dayNumber(year: number, month: number, day: number): number {
  let days = day - 1;
  for (let y = 1800; y < year; y++) days += isLeap(y) ? 366 : 365;
  for (let m = 1; m < month; m++) days += lengthOf(year, m);
  return days;
}

/** `2024-02-29` of a day's number. */
function dateText(number: number): string {
  let [year, month, days] = [1800, 1, number];
  for (; days >= (isLeap(year) ? 366 : 365); year++) days -= isLeap(year) ? 366 : 365;
  for (; days >= lengthOf(year, month); month++) days -= lengthOf(year, month);
  return iso(year, month, days + 1);
}

const iso = (year: number | string, month: number | string, day: number | string): string =>
  `${year}-${String(month).padStart(2, '0')}-${String(day).padStart(2, '0')}`;

/** The last date of a message, as `2024-02-29`, `29 February 2024` or `February 29, 2024`; null where there is none. */
export function readDate(message: string): string | null {
  const month = `(${MONTHS.join('|')})`;
  const pattern = new RegExp(
    `(?<![\\p{L}\\p{N}-])(?:(\\d{4})-(\\d{1,2})-(\\d{1,2})|(\\d{1,2})(?:st|nd|rd|th)? (?:of )?${month},? (\\d{4})|${month} (\\d{1,2})(?:st|nd|rd|th)?,? (\\d{4}))(?![\\p{L}\\p{N}])`,
    'giu',
  );
  const last = [...message.slice(-2_000).matchAll(pattern)].at(-1);
  if (!last) return null;
  const named = last[5] ?? last[7];
  if (named === undefined) return iso(last[1] ?? '', last[2] ?? '', last[3] ?? '');
  const at = 1 + MONTHS.findIndex((name) => name.toLowerCase() === named.toLowerCase());
  return iso(last[6] ?? last[9] ?? '', at, last[4] ?? last[8] ?? '');
}
