/* SPDX-License-Identifier: Apache-2.0
 *
 * Logging: one line per event, a sentence and then key=value.  Lines go to
 * stderr, to a file, or both, in the format stock daemons use
 * ("slurmctld: error: text" on stderr, "[2026-11-20T14:00:00.123] error: text"
 * in files), so that scripts that read them keep working.
 * Thread safe; a line is one write(2). */
#ifndef WIRE_BASE_LOG_H
#define WIRE_BASE_LOG_H

#include <stdbool.h>

/* Numbers are those of SlurmctldDebug/SlurmdDebug and of the wire. */
enum log_level {
	LVL_QUIET, LVL_FATAL, LVL_ERROR, LVL_INFO, LVL_VERBOSE,
	LVL_DEBUG, LVL_DEBUG2, LVL_DEBUG3, LVL_DEBUG4, LVL_DEBUG5
};

/* prog: shown on stderr lines, copied.  Start-up state: INFO on stderr. */
void log_init(const char *prog);
/* A word in brackets at the start of file lines ("[5.0]"), copied; NULL none. */
void log_set_tag(const char *tag);
/* Level of stderr lines and of file lines; LVL_QUIET turns one off. */
void log_set_levels(enum log_level to_stderr, enum log_level to_file);
/* Open (append) the log file; NULL closes it.  Returns errno or 0. */
int log_open_file(const char *path);
/* Reopen after rotation. */
void log_reopen(void);
/* Send error-and-worse lines to syslog too (a daemon without a log file). */
void log_use_syslog(bool on);
/* Lines on stderr begin as those of the file do, not with the program's name. */
void log_stamp_stderr(bool on);
enum log_level log_level_file(void);
/* True if a line of this level would go anywhere. */
bool log_wanted(enum log_level level);

void log_line(enum log_level level, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

#define log_error(...)   log_line(LVL_ERROR, __VA_ARGS__)
#define log_info(...)    log_line(LVL_INFO, __VA_ARGS__)
#define log_verbose(...) do { if (log_wanted(LVL_VERBOSE)) log_line(LVL_VERBOSE, __VA_ARGS__); } while (0)
#define log_debug(...)   do { if (log_wanted(LVL_DEBUG)) log_line(LVL_DEBUG, __VA_ARGS__); } while (0)
#define log_debug2(...)  do { if (log_wanted(LVL_DEBUG2)) log_line(LVL_DEBUG2, __VA_ARGS__); } while (0)
#define log_debug3(...)  do { if (log_wanted(LVL_DEBUG3)) log_line(LVL_DEBUG3, __VA_ARGS__); } while (0)

/* Log at FATAL and exit(1).  Start-up only: no peer, file or request may end
 * a running daemon. */
void log_fatal(const char *fmt, ...)
	__attribute__((format(printf, 1, 2), noreturn));

#endif
