#include "tools/contain_later.h"

#include <stdlib.h>
#include <sys/stat.h>

static struct {
    Later *list;
    size_t n, room;
    size_t folders; /* of them, that move a folder */
} pending;

void later(Later one)
{
    if (pending.n == pending.room) {
        size_t room = pending.room == 0 ? 64 : 2 * pending.room;
        Later *grown = realloc(pending.list, room * sizeof *grown);
        if (grown == NULL) {
            files_incomplete(false, "too many files for the tracer");
            return;
        }
        pending.list = grown;
        pending.room = room;
    }
    pending.list[pending.n++] = one;
    pending.folders += one.folder;
    one.file->unsettled++;
    if (one.to != NULL)
        one.to->unsettled++;
}

static bool is_at(const char *path, uint64_t dev, uint64_t ino, struct stat *status)
{
    return lstat(path, status) == 0 && (uint64_t)status->st_dev == dev &&
           (uint64_t)status->st_ino == ino;
}

static void settle(const Later *one)
{
    struct stat status;
    File *file = one->file;
    pending.folders -= one->folder;
    file->unsettled--;
    if (one->to != NULL)
        one->to->unsettled--;
    switch (one->what) {
    case LATER_MADE:
        if (lstat(file->path, &status) != 0)
            return; /* it failed, or the file is gone: a removal that we have seen has settled this
                     */
        file->ours = one->ours;
        file->away = false;
        if (files_was_before(file)) {
            file->item.roles |= S_ISREG(status.st_mode) ? (uint32_t)HPT_TRACE_WRITE : 0;
            return;
        }
        file->item.roles |= HPT_TRACE_CREATED | (one->writes ? (uint32_t)HPT_TRACE_WRITE : 0);
        file->item.mode = 0;
        files_identify(file, &status);
        return;
    case LATER_REMOVED:
        if (is_at(file->path, one->dev, one->ino, &status))
            return;
        file->item.roles |= HPT_TRACE_DELETED;
        file->away = true;
        return;
    case LATER_MOVED:
        if (is_at(file->path, one->dev, one->ino, &status))
            return;
        file->item.roles |= HPT_TRACE_RENAMED_FROM;
        file->away = true;
        one->to->item.roles |=
            HPT_TRACE_RENAMED_TO |
            (one->fresh && !files_was_before(one->to) ? (uint32_t)HPT_TRACE_CREATED : 0);
        if (one->fresh && one->folder)
            files_move_below(file->path, one->to->path);
        one->to->ours = one->ours;
        one->to->away = false;
        if (is_at(one->to->path, one->dev, one->ino, &status) && one->to->item.mode == 0)
            files_identify(one->to, &status);
        return;
    }
}

void later_settle(pid_t tid)
{
    size_t left = 0;
    for (size_t i = 0; i < pending.n; i++)
        if (tid == 0 || pending.list[i].tid == tid)
            settle(&pending.list[i]);
        else
            pending.list[left++] = pending.list[i];
    pending.n = left;
}

static bool is_done(const Later *one)
{
    struct stat status;
    return one->what == LATER_MADE ? lstat(one->file->path, &status) == 0
                                   : !is_at(one->file->path, one->dev, one->ino, &status);
}

void later_settle_file(const File *file)
{
    size_t left = 0;
    if (pending.folders > 0)
        file = NULL; /* it may be in one */
    if (file != NULL && file->unsettled == 0)
        return;
    for (size_t i = 0; i < pending.n; i++) {
        const Later *one = &pending.list[i];
        if ((file == NULL || one->file == file || one->to == file) && is_done(one))
            settle(one);
        else
            pending.list[left++] = *one;
    }
    pending.n = left;
}

void later_begin(void)
{
    pending.n = pending.folders = 0;
}

void later_end(void)
{
    free(pending.list);
    pending.list = NULL;
    pending.n = pending.room = pending.folders = 0;
}
