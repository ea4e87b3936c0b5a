/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The picture. Each process is a block: its name, then a line for each of its slices, as a bar on the axis
 * with its text beside it. The document needs no other file, and has no script.
 */

#include <stdlib.h>
#include <string.h>

#include "timeline/timeline.h"
#include "util/array.h"
#include "util/cleanup.h"
#include "util/error.h"

/* Pixels. */
enum { LEFT = 20, TEXT_ROOM = 420, TOP = 70, LINE = 16, BAR = 12, BLOCK_GAP = 6, TICK_DISTANCE = 90 };
enum { TEXT_MAX = 400, SHOWN_MAX = 80, ARROWS_MAX = 2000 };

struct picture {
	const struct timeline *timeline;
	struct timeline_scale scale;
	double *tops; /* of the block of each row */
	double height;
	uint64_t start;
	FILE *out;
};

/* The colours, with a word for the legend; the first kind that fits counts. */
static const struct kind {
	const char *word, *colour;
	const char *note;     /* a slice that has this note is of this kind; or NULL */
	const char *category; /* or one of this category */
} kinds[] = {
	{ "failed", "#d1242f", "error", NULL }, { "hook", "#e08a1e", "hook", NULL },
	{ "wait", "#c9ced6", NULL, "wait" },	{ "km", "#2da44e", NULL, "km" },
	{ "CRIU", "#8250df", NULL, "criu" },	{ "step", "#5b8def", NULL, NULL },
};

static const struct kind *kind_of(const struct timeline_slice *slice)
{
	const struct kind *kind = kinds;

	for (; kind < &kinds[ARRAY_LEN(kinds) - 1]; kind++) {
		if (kind->category && strcmp(kind->category, slice->category) == 0)
			return kind;
		for (size_t i = 0; kind->note && i < slice->notes_len; i++)
			if (strcmp(kind->note, slice->notes[i].key) == 0)
				return kind;
	}
	return kind;
}

/* @text is valid UTF-8 without control characters. XML does not take U+FFFE and U+FFFF either. */
static void put_text(FILE *out, const char *text)
{
	for (; *text; text++) {
		if (*text == '&')
			fputs("&amp;", out);
		else if (*text == '<')
			fputs("&lt;", out);
		else if (*text == '>')
			fputs("&gt;", out);
		else if (*text == '"')
			fputs("&quot;", out);
		else if (strncmp(text, "\xef\xbf\xbe", 3) == 0 || strncmp(text, "\xef\xbf\xbf", 3) == 0)
			fputc('?', out), text += 2;
		else
			fputc(*text, out);
	}
}

/* Cuts @text where no character is divided. */
static void shorten(char *text)
{
	size_t len = SHOWN_MAX;

	if (strlen(text) <= SHOWN_MAX)
		return;
	while (len > 0 && ((unsigned char)text[len] & 0xc0) == 0x80)
		len--;
	strcpy(text + len, "...");
}

/* ---- the axis -------------------------------------------------------------------------------- */

/* 1, 2 or 5 with as many zeros as needed, so that ticks have a distance. */
static uint64_t tick_step(const struct timeline_piece *piece)
{
	const double least = (double)(piece->time.end - piece->time.start) /
			     (piece->width > 1 ? piece->width : 1) * TICK_DISTANCE;
	uint64_t step = 1000;

	for (int i = 0; (double)step < least && step < UINT64_MAX / 10; i++)
		step = i % 3 == 1 ? step / 2 * 5 : step * 2;
	return step;
}

static void put_tick(const struct picture *picture, double x, uint64_t time)
{
	char text[32];

	fprintf(picture->out,
		"<line class=\"grid\" x1=\"%.1f\" y1=\"%d\" x2=\"%.1f\" y2=\"%.0f\"/>"
		"<text class=\"axis\" x=\"%.1f\" y=\"%d\">%s</text>\n",
		x, TOP - 8, x, picture->height - 20, x, TOP - 12,
		timeline_duration(time, text, sizeof(text)));
}

static void put_piece(const struct picture *picture, const struct timeline_piece *piece)
{
	const double x = LEFT + piece->x;
	const uint64_t from = piece->time.start - picture->start, to = piece->time.end - picture->start;
	const uint64_t step = tick_step(piece);
	char text[32];

	if (piece->idle) {
		fprintf(picture->out,
			"<rect class=\"idle\" x=\"%.1f\" y=\"%d\" width=\"%.1f\" height=\"%.0f\"/>"
			"<text class=\"axis\" x=\"%.1f\" y=\"%d\">%s</text>\n",
			x, TOP - 8, piece->width, picture->height - TOP - 12, x, TOP - 24,
			timeline_duration(to - from, text, sizeof(text)));
		return;
	}
	for (uint64_t time = (from + step - 1) / step * step; time <= to; time += step)
		put_tick(picture, LEFT + timeline_scale_x(&picture->scale, picture->start + time), time);
}

/* ---- blocks ---------------------------------------------------------------------------------- */

static void put_slice(const struct picture *picture, const struct timeline_slice *slice, double y)
{
	const double from = LEFT + timeline_scale_x(&picture->scale, slice->time.start);
	const double to = LEFT + timeline_scale_x(&picture->scale, slice->time.end);
	const double width = to - from > 1 ? to - from : 1;
	/* Behind the bar, or in front of it where there is no room behind. */
	const bool late = to > LEFT + picture->scale.width * 0.9;
	const bool before = late && from > LEFT + TEXT_ROOM, inside = late && !before;
	char text[TEXT_MAX], time[32], own[32];

	fprintf(picture->out, "<g><rect fill=\"%s\" x=\"%.1f\" y=\"%.1f\" width=\"%.1f\" height=\"%d\"/>",
		kind_of(slice)->colour, from, y, width, BAR);
	timeline_describe(slice, text, sizeof(text));
	timeline_duration(slice->time.end - slice->time.start, time, sizeof(time));
	fputs("<title>", picture->out);
	put_text(picture->out, text);
	fprintf(picture->out, ": %s, own %s</title>", time, timeline_duration(slice->own, own, sizeof(own)));
	shorten(text);
	fprintf(picture->out, "<text x=\"%.1f\" y=\"%.1f\"%s>",
		before ? from - 4 :
		inside ? from + 4 :
			 from + width + 4,
		y + BAR - 2, before ? " text-anchor=\"end\"" : "");
	put_text(picture->out, text);
	if (slice->time.end > slice->time.start)
		fprintf(picture->out, " (%s)", time);
	fputs("</text></g>\n", picture->out);
}

static void put_ground(const struct picture *picture, size_t row)
{
	fprintf(picture->out, "<rect class=\"block\" x=\"%d\" y=\"%.1f\" width=\"%.0f\" height=\"%.0f\"/>\n",
		LEFT, picture->tops[row], picture->scale.width + TEXT_ROOM,
		(double)(picture->timeline->rows[row].len + 1) * LINE);
}

static void put_block(const struct picture *picture, size_t row)
{
	const struct timeline_row *process = &picture->timeline->rows[row];
	const double top = picture->tops[row];
	char text[TEXT_MAX];

	fprintf(picture->out, "<text class=\"process\" x=\"%d\" y=\"%.1f\">", LEFT + 4, top + BAR);
	put_text(picture->out, timeline_process(process, text, sizeof(text)));
	fputs("</text>\n", picture->out);
	for (size_t i = 0; i < process->len; i++)
		put_slice(picture, &picture->timeline->slices[process->first + i],
			  top + (double)(i + 1) * LINE);
}

/* Where the slice of the process is in which @time is, or its name. */
static double find_y(const struct picture *picture, size_t row, uint64_t time)
{
	const struct timeline_row *process = &picture->timeline->rows[row];
	double y = picture->tops[row] + LINE / 2.0;

	for (size_t i = 0; i < process->len; i++) {
		const struct timeline_slice *slice = &picture->timeline->slices[process->first + i];

		if (slice->time.start <= time && time <= slice->time.end)
			y = picture->tops[row] + (double)(i + 1) * LINE + BAR / 2.0;
	}
	return y;
}

static void put_arrow(const struct picture *picture, const struct timeline_arrow *arrow)
{
	if (picture->timeline->rows[arrow->from].len == 0 || picture->timeline->rows[arrow->to].len == 0)
		return;
	fprintf(picture->out, "<path class=\"arrow\" d=\"M%.1f %.1fL%.1f %.1f\"/>\n",
		LEFT + timeline_scale_x(&picture->scale, arrow->time.start),
		find_y(picture, arrow->from, arrow->time.start),
		LEFT + timeline_scale_x(&picture->scale, arrow->time.end),
		find_y(picture, arrow->to, arrow->time.end));
}

/* ---- the document ---------------------------------------------------------------------------- */

static void put_head(const struct picture *picture)
{
	const double width = LEFT + picture->scale.width + TEXT_ROOM + LEFT;
	double x = LEFT;

	fprintf(picture->out,
		"<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
		"<svg xmlns=\"http://www.w3.org/2000/svg\" version=\"1.1\" width=\"%.0f\" height=\"%.0f\" "
		"viewBox=\"0 0 %.0f %.0f\">\n"
		"<title>krun trace</title>\n"
		"<style>text { font: 11px sans-serif; fill: #1f2328; } "
		".process { font-weight: bold; } .axis { fill: #59636e; text-anchor: start; } "
		".grid { stroke: #d8dee4; } .idle { fill: #eaeef2; } .block { fill: #f6f8fa; } "
		".arrow { fill: none; stroke: #1f2328; stroke-opacity: 0.5; marker-end: url(#head); }"
		"</style>\n"
		"<defs><marker id=\"head\" markerWidth=\"6\" markerHeight=\"6\" refX=\"6\" refY=\"3\" "
		"orient=\"auto\"><path d=\"M0 0L6 3L0 6z\"/></marker></defs>\n"
		"<rect width=\"100%%\" height=\"100%%\" fill=\"#ffffff\"/>\n",
		width, picture->height, width, picture->height);
	for (size_t i = 0; i < ARRAY_LEN(kinds); i++, x += 80)
		fprintf(picture->out,
			"<rect fill=\"%s\" x=\"%.0f\" y=\"16\" width=\"%d\" height=\"%d\"/>"
			"<text x=\"%.0f\" y=\"26\">%s</text>\n",
			kinds[i].colour, x, BAR, BAR, x + BAR + 4, kinds[i].word);
}

static void lay_out(struct picture *picture)
{
	const struct timeline *timeline = picture->timeline;
	double y = TOP;

	for (size_t i = 0; i < timeline->rows_len; i++) {
		picture->tops[i] = y;
		if (timeline->rows[i].len > 0)
			y += (double)(timeline->rows[i].len + 1) * LINE + BLOCK_GAP;
	}
	picture->height = y + 24;
	picture->start = picture->scale.len > 0 ? picture->scale.pieces[0].time.start : 0;
}

int timeline_plot(const struct timeline *timeline, FILE *out, struct error *err)
{
	auto_free double *tops = calloc(timeline->rows_len + 1, sizeof(*tops));
	struct picture picture = { .timeline = timeline, .tops = tops, .out = out };
	int r = tops ? timeline_scale_make(timeline, &picture.scale, err) : error_oom(err);

	if (r < 0)
		return r;
	lay_out(&picture);
	put_head(&picture);
	for (size_t i = 0; i < timeline->rows_len; i++)
		if (timeline->rows[i].len > 0)
			put_ground(&picture, i);
	for (size_t i = 0; i < picture.scale.len; i++)
		put_piece(&picture, &picture.scale.pieces[i]);
	for (size_t i = 0; i < timeline->rows_len; i++)
		if (timeline->rows[i].len > 0)
			put_block(&picture, i);
	for (size_t i = 0; i < timeline->arrows_len && i < ARROWS_MAX; i++)
		put_arrow(&picture, &timeline->arrows[i]);
	fputs("</svg>\n", out);
	free(picture.scale.pieces);
	return 0;
}
