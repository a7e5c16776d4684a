/*
 * The load generator where a C compiler is at hand: HTTP/1.1 over keep-alive connections, one thread.
 * Started by bench/load/native; nothing else speaks to it.
 *
 *   generator mode=MODE port=N connections=N calls=FILE [seconds=S] [rate=R] [first=N] [trace=FILE]
 *   mode=closed   each connection sends its next request when the answer to the last one is in
 *   mode=open     requests go out by the clock, rate a second, for so many seconds
 *   mode=wave     for each number read from standard input every connection sends one request with that
 *                 number in it; "sent" is printed, and when all are answered, when that was
 *
 * Latency counts from the moment at which a request was due. In the open loop that is its place in the
 * timetable: with every connection busy it waits, and the wait counts. How late a request was sent although
 * a connection was free is the generator's own fault and told apart ("late").
 *
 * An answer is right when its status is 200, its body ends with and holds the bytes that FILE says. Answers
 * are read to their end, by Content-Length or chunks. Histograms have buckets of less than one per cent.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/epoll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

typedef uint64_t u64;
typedef uint32_t u32;
enum { KINDS = 32, BUCKETS = 4096, EVENTS = 256, SECONDS_MAX = 3600, PLACES = 8, PLACE = 8, TENTH = 7 };
#define NS 1000000000ull
#define DRAIN_NS (5 * NS)     /* how long answers are waited for after the last request */
#define WAVE_NS (30 * NS)     /* how long a wave may take */
#define TICK_NS 20000ull      /* the timer is not set finer */
#define BUSY_RATE 5000.0      /* from this many requests a second on it looks by the clock */
#define LOOK_NS 200000ull     /* and this often; see run_busy */

typedef struct { u32 at, digits; } place;
typedef struct {
    u32 kind, size, ends_size, holds_size, places;
    place place[PLACES];
    char *request, *ends, *holds;
} call;
typedef struct {
    int fd, busy;
    u32 call;
    u64 due, number;
    char *kept; /* the beginning of an answer that is not complete */
    size_t size, room;
} connection;
typedef struct { u64 answers, errors, bytes, max_ns, counts[BUCKETS]; } tally;

static const char *mode = "", *calls_file = "", *trace_file = "";
static int port, epoll;
static u32 connection_count, call_count;
static double seconds, rate;
static u64 first;

static call *calls;
static connection *connections;
static connection **idle; /* a ring: the one that has rested longest is next */
static u32 idle_from, idle_count;
static tally kinds[KINDS], late;
static u64 by_second[SECONDS_MAX], began, ended, sent, done, half_number, last_number, first_number;
static int has_number;
static char error_text[512];
static char input[1 << 20], output[1 << 16];
static FILE *trace;

static void die(const char *what) {
    fprintf(stderr, "generator: %s: %s\n", what, errno ? strerror(errno) : "not as expected");
    exit(1);
}

static u64 now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (u64)t.tv_sec * NS + (u64)t.tv_nsec;
}

static double cpu_s(void) {
    struct rusage u;
    getrusage(RUSAGE_SELF, &u);
    return u.ru_utime.tv_sec + u.ru_stime.tv_sec + (u.ru_utime.tv_usec + u.ru_stime.tv_usec) / 1e6;
}

/* Histograms: 256 buckets of 128 ns, then 128 buckets for each doubling. */

static void record(tally *t, u64 ns) {
    u64 v = ns >> 7;
    u32 at = (u32)v;
    if (v >= 256) {
        int e = 63 - __builtin_clzll(v) - 7;
        at = 256 + (u32)(e - 1) * 128 + (u32)((v >> e) - 128);
    }
    t->counts[at < BUCKETS ? at : BUCKETS - 1]++;
    t->answers++;
    if (ns > t->max_ns) t->max_ns = ns;
}

static double bucket_us(u32 at) { /* its middle */
    if (at < 256) return (at + 0.5) * 0.128;
    u32 e = (at - 256) / 128 + 1, m = (at - 256) % 128 + 128;
    return (m + 0.5) * (double)(1ull << e) * 0.128;
}

static void print_tally(const tally *t) {
    printf("{\"answers\":%lu,\"errors\":%lu,\"bytes\":%lu,\"max_us\":%.1f,\"buckets\":[", t->answers, t->errors,
           t->bytes, t->max_ns / 1e3);
    const char *comma = "";
    for (u32 at = 0; at < BUCKETS; at++)
        if (t->counts[at]) {
            printf("%s[%.3f,%lu]", comma, bucket_us(at), t->counts[at]);
            comma = ",";
        }
    printf("]}");
}

/* What to send */

static char *take(FILE *file, u32 size) {
    char *bytes = malloc(size + 1);
    if (!bytes || fread(bytes, 1, size, file) != size) die("the file of calls is cut short");
    bytes[size] = 0;
    return bytes;
}

static void find_places(call *c, const char *mark, u32 digits) {
    char *at = c->request, *end = c->request + c->size;
    while ((at = memmem(at, (size_t)(end - at), mark, digits))) {
        if (c->places == PLACES) die("too many placeholders in a request");
        c->place[c->places++] = (place){(u32)(at - c->request), digits};
        at += digits;
    }
}

static void load_calls(void) {
    FILE *file = fopen(calls_file, "rb");
    if (!file) die(calls_file);
    u32 head[4], room = 0;
    while (fread(head, sizeof head, 1, file) == 1) {
        if (call_count == room) calls = realloc(calls, (room = room * 2 + 64) * sizeof *calls);
        if (!calls || head[0] >= KINDS || head[1] > sizeof output) die("the file of calls is wrong");
        call *c = memset(&calls[call_count++], 0, sizeof *c);
        c->kind = head[0], c->size = head[1], c->ends_size = head[2], c->holds_size = head[3];
        c->request = take(file, c->size);
        c->ends = take(file, c->ends_size);
        c->holds = take(file, c->holds_size);
        find_places(c, "@@@@@@@@", PLACE);
        find_places(c, "#######", TENTH);
    }
    fclose(file);
    if (!call_count) die("there is nothing to send");
}

static void digits(char *at, u64 number, u32 count) {
    while (count--) at[count] = (char)('0' + number % 10), number /= 10;
}

/* Connections */

static void open_connection(connection *c) {
    struct sockaddr_in there = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
    there.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    int one = 1;
    struct linger reset = {1, 0}; /* leaves no port in TIME_WAIT */
    c->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (c->fd < 0) die("socket");
    if (connect(c->fd, (struct sockaddr *)&there, sizeof there)) die("the server takes no connection");
    setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    setsockopt(c->fd, SOL_SOCKET, SO_LINGER, &reset, sizeof reset);
    fcntl(c->fd, F_SETFL, O_NONBLOCK);
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = c};
    if (epoll_ctl(epoll, EPOLL_CTL_ADD, c->fd, &event)) die("epoll_ctl");
}

static void rest(connection *c) {
    c->busy = 0;
    idle[(idle_from + idle_count++) % connection_count] = c;
}

static connection *rested(void) {
    connection *c = idle[idle_from];
    idle_from = (idle_from + 1) % connection_count;
    idle_count--;
    return c;
}

static void open_all(void) {
    connections = calloc(connection_count, sizeof *connections);
    idle = calloc(connection_count, sizeof *idle);
    if (!connections || !idle) die("memory");
    for (u32 n = 0; n < connection_count; n++) {
        open_connection(&connections[n]);
        rest(&connections[n]);
        if (n % 64 == 63) usleep(2000); /* let the server accept: no queue is endless */
    }
}

static void failed(connection *c, const char *what, const char *answer, size_t size) {
    call *of = &calls[c->call];
    kinds[of->kind].errors++;
    done++;
    if (error_text[0]) return;
    int n = snprintf(error_text, sizeof error_text, "%s: %.*s answered %.*s", what,
                     (int)strcspn(of->request, "\r"), of->request, (int)(size < 160 ? size : 160), answer);
    for (int i = 0; i < n && error_text[i]; i++)
        if ((unsigned char)error_text[i] < ' ' || (unsigned char)error_text[i] > '~' || strchr("\"\\", error_text[i]))
            error_text[i] = ' ';
}

static void lost(connection *c, const char *what) {
    if (c->busy) failed(c, what, "", 0);
    close(c->fd), c->size = 0;
    open_connection(c);
}

static void send_request(connection *c, u64 place_in_order, u64 number, u64 due) {
    call *what = &calls[place_in_order % call_count];
    const char *bytes = what->request;
    c->busy = 1, c->call = (u32)(place_in_order % call_count), c->due = due, c->number = number;
    if (what->places) {
        memcpy(output, what->request, what->size);
        for (u32 n = 0; n < what->places; n++)
            digits(output + what->place[n].at, what->place[n].digits == TENTH ? number / 10 : number,
                   what->place[n].digits);
        bytes = output;
    }
    for (size_t at = 0; at < what->size;) {
        ssize_t n = send(c->fd, bytes + at, what->size - at, MSG_NOSIGNAL);
        if (n > 0) at += (size_t)n;
        else if (n < 0 && errno == EAGAIN) usleep(50);
        else if (n < 0 && errno == EINTR) continue;
        else return; /* reading will tell */
    }
}

/* Answers */

static size_t header(const char *head, size_t size, const char *name, const char **value) {
    size_t n = strlen(name);
    const char *at = head, *end = head + size;
    while ((at = memchr(at, '\n', (size_t)(end - at)))) {
        at++;
        if ((size_t)(end - at) > n && !strncasecmp(at, name, n) && at[n] == ':') {
            for (at += n + 1; *at == ' '; at++) {}
            *value = at;
            return strcspn(at, "\r");
        }
    }
    return 0;
}

/* Puts the pieces of a chunked body together in place; returns the size, -1 while it is not complete. */
static ssize_t join_chunks(char *body, size_t size, int in_place) {
    char *from = body, *to = body, *end = body + size;
    for (;;) {
        char *line = memmem(from, (size_t)(end - from), "\r\n", 2);
        if (!line) return -1;
        size_t piece = strtoul(from, NULL, 16);
        from = line + 2;
        if ((size_t)(end - from) < piece + 2) return -1;
        if (!piece) return to - body;
        if (in_place) memmove(to, from, piece);
        to += piece, from += piece + 2;
    }
}

/* Returns the size of a complete body and where it is, -1 while the answer is not complete. */
static ssize_t body_of(char *answer, size_t size, char **body) {
    const char *value;
    char *end = memmem(answer, size, "\r\n\r\n", 4);
    if (!end) return -1;
    size_t head = (size_t)(end - answer) + 2;
    *body = end + 4;
    size_t there = size - head - 2;
    if (header(answer, head, "content-length", &value)) {
        size_t wanted = strtoul(value, NULL, 10);
        return there >= wanted ? (ssize_t)wanted : -1;
    }
    if (!header(answer, head, "transfer-encoding", &value)) return there ? -1 : 0;
    if (there < 5 || memcmp(answer + size - 5, "0\r\n\r\n", 5)) return -1;
    if (join_chunks(*body, there, 0) < 0) return -1;
    return join_chunks(*body, there, 1);
}

static void answered(connection *c, char *answer, size_t size, char *body, size_t body_size, u64 at) {
    call *of = &calls[c->call];
    if (size < 13 || memcmp(answer + 9, "200", 3)) {
        char what[] = "status 000";
        if (size >= 13) memcpy(what + 7, answer + 9, 3);
        failed(c, what, body, body_size);
    } else if (body_size < of->ends_size ||
               memcmp(body + body_size - of->ends_size, of->ends, of->ends_size) ||
               (of->holds_size && !memmem(body, body_size, of->holds, of->holds_size))) {
        failed(c, "wrong content", body, body_size);
    } else {
        record(&kinds[of->kind], at - c->due);
        kinds[of->kind].bytes += size;
        u64 second = (at - began) / NS;
        if (second < SECONDS_MAX) by_second[second]++;
        if (!has_number) first_number = half_number = c->number, has_number = 1;
        if (at - began < (u64)(seconds * NS / 2)) half_number = c->number;
        last_number = c->number;
        done++;
        if (trace) fprintf(trace, "%lu %lu\n", c->due, at - c->due);
    }
}

/* Reads what has come; returns 1 when an answer was completed by it. */
static int receive(connection *c) {
    char *answer = input, *body = NULL;
    ssize_t n = recv(c->fd, input, sizeof input, 0);
    u64 at = now();
    if (n < 0 && (errno == EAGAIN || errno == EINTR)) return 0;
    if (n <= 0) {
        int was_busy = c->busy;
        lost(c, n ? strerror(errno) : "the server closed the connection");
        return was_busy;
    }
    size_t size = (size_t)n;
    if (c->size) {
        if (c->size + size > c->room) c->kept = realloc(c->kept, c->room = (c->size + size) * 2);
        if (!c->kept) die("memory");
        memcpy(c->kept + c->size, input, size);
        answer = c->kept, size = c->size += size;
    }
    ssize_t body_size = body_of(answer, size, &body);
    if (body_size < 0) {
        if (!c->size) {
            c->kept = malloc(c->room = size * 2);
            if (!c->kept) die("memory");
            memcpy(c->kept, input, c->size = size);
        }
        return 0;
    }
    answered(c, answer, size, body, (size_t)body_size, at);
    free(c->kept);
    c->kept = NULL, c->size = c->room = 0;
    return 1;
}

static void print_result(double cpu) {
    printf("{\"seconds\":%.6f,\"cpu_s\":%.6f,\"began_ns\":%lu,\"error\":\"%s\",\"numbers\":[", (ended - began) / 1e9,
           cpu, began, error_text);
    if (has_number) printf("%lu,%lu,%lu", first_number, half_number, last_number);
    printf("],\"by_second\":[");
    for (u32 n = 0; n < (u32)((ended - began) / NS) && n < SECONDS_MAX; n++) printf(n ? ",%lu" : "%lu", by_second[n]);
    printf("],\"late\":");
    print_tally(&late);
    printf(",\"kinds\":{");
    const char *comma = "";
    for (u32 n = 0; n < KINDS; n++) {
        if (!kinds[n].answers && !kinds[n].errors) continue;
        printf("%s\"%u\":", comma, n);
        print_tally(&kinds[n]), comma = ",";
    }
    printf("}}\n");
}

/* The modes */

static void run_closed(void) {
    struct epoll_event events[EVENTS];
    u64 end = began + (u64)(seconds * NS), at = began;
    while (idle_count) send_request(rested(), sent, first + sent, now()), sent++;
    while (at < end) {
        int n = epoll_wait(epoll, events, EVENTS, (int)((end - at) / 1000000) + 1);
        for (int i = 0; i < n; i++)
            if (receive(events[i].data.ptr)) send_request(events[i].data.ptr, sent, first + sent, now()), sent++;
        at = now();
    }
    ended = at;
}

static u64 total, starved_until; /* requests below this number waited for a free connection */

static u64 due_at(u64 number) { return began + (u64)((double)number * NS / rate); }

static void send_due(void) {
    u64 at = now();
    for (; sent < total; sent++) {
        u64 due = due_at(sent);
        if (due > at) return;
        if (!idle_count) {
            u64 all = (u64)((double)(at - began) * rate / NS) + 1;
            starved_until = all < total ? all : total;
            return;
        }
        if (sent >= starved_until) record(&late, at - due);
        send_request(rested(), sent, first + sent, due);
        at = now();
    }
}

/* Takes in what has come; returns 0 when that was nothing. */
static int look(void) {
    static struct epoll_event events[EVENTS];
    int n = epoll_wait(epoll, events, EVENTS, 0);
    for (int i = 0; i < n; i++)
        if (receive(events[i].data.ptr)) rest(events[i].data.ptr);
    return n > 0;
}

/* At high rates a wake-up for each request and for each answer would take more of a core than the requests
 * themselves, and take it from the server. So it looks every LOOK_NS: requests go out late by half of that on
 * the average, which counts as latency, and answers are found late by as much, which counts too. */
static void run_busy(u64 end) {
    u64 next = now();
    while (done < total && now() < end) {
        while (look()) {}
        send_due();
        u64 at = now();
        while (next <= at) next += LOOK_NS;
        struct timespec when = {(time_t)(next / NS), (long)(next % NS)};
        clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &when, NULL);
    }
}

static void run_calm(u64 end) {
    struct epoll_event events[EVENTS], event = {.events = EPOLLIN, .data.ptr = NULL};
    int timer = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
    if (timer < 0 || epoll_ctl(epoll, EPOLL_CTL_ADD, timer, &event)) die("timer");
    u64 armed = 0, ignored;
    while (done < total && now() < end) {
        send_due();
        u64 next = sent < total && idle_count ? due_at(sent) : now() + NS / 10, soonest = now() + TICK_NS;
        if (next < soonest) next = soonest;
        if (next < armed || armed < soonest) {
            struct itimerspec when = {.it_value = {(time_t)(next / NS), (long)(next % NS)}};
            timerfd_settime(timer, TFD_TIMER_ABSTIME, &when, NULL);
            armed = next;
        }
        int n = epoll_wait(epoll, events, EVENTS, 1000);
        for (int i = 0; i < n; i++) {
            connection *c = events[i].data.ptr;
            if (!c) {
                if (read(timer, &ignored, sizeof ignored) > 0) armed = 0;
            } else if (receive(c)) {
                rest(c);
            }
            send_due();
        }
    }
    close(timer);
}

static void run_open(void) {
    total = (u64)(rate * seconds);
    u64 end = began + (u64)(seconds * NS) + DRAIN_NS;
    if (rate >= BUSY_RATE) run_busy(end);
    else run_calm(end);
    if (done < total) {
        kinds[calls[0].kind].errors += total - done;
        if (!error_text[0]) snprintf(error_text, sizeof error_text, "%lu requests were not answered", total - done);
    }
    ended = began + (u64)(seconds * NS);
}

static int by_time(const void *a, const void *b) {
    u64 x = *(const u64 *)a, y = *(const u64 *)b;
    return (x > y) - (x < y);
}

static void run_wave(void) {
    struct epoll_event events[EVENTS];
    struct timespec pause = {0, (long)LOOK_NS}; /* as in run_busy */
    u64 *times = calloc(connection_count, sizeof *times), number;
    if (!times) die("memory");
    printf("ready\n"), fflush(stdout);
    while (scanf("%lu", &number) == 1) {
        u32 count = 0;
        done = 0;
        for (u32 n = 0; n < connection_count; n++) send_request(&connections[n], n, number, now());
        printf("sent\n"), fflush(stdout);
        u64 end = now() + WAVE_NS;
        while (done < connection_count && now() < end) {
            int n = epoll_wait(epoll, events, EVENTS, 100);
            for (int i = 0; i < n; i++) {
                u64 before = kinds[0].errors;
                connection *c = events[i].data.ptr;
                if (receive(c) && kinds[0].errors == before) times[count++] = now();
            }
            if (n < EVENTS) nanosleep(&pause, NULL);
        }
        qsort(times, count, sizeof *times, by_time);
        printf("{\"answers\":%u,\"error\":\"%s\"", count, error_text);
        if (count)
            printf(",\"first_ns\":%lu,\"median_ns\":%lu,\"p99_ns\":%lu,\"last_ns\":%lu", times[0], times[count / 2],
                   times[(u64)count * 99 / 100], times[count - 1]);
        printf("}\n"), fflush(stdout);
    }
}

int main(int argc, char **argv) {
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    prctl(PR_SET_TIMERSLACK, 1000);
    for (int n = 1; n < argc; n++) {
        char *value = strchr(argv[n], '=');
        if (!value) die(argv[n]);
        *value++ = 0;
        if (!strcmp(argv[n], "mode")) mode = value;
        else if (!strcmp(argv[n], "port")) port = atoi(value);
        else if (!strcmp(argv[n], "connections")) connection_count = (u32)atoi(value);
        else if (!strcmp(argv[n], "seconds")) seconds = atof(value);
        else if (!strcmp(argv[n], "rate")) rate = atof(value);
        else if (!strcmp(argv[n], "first")) first = strtoull(value, NULL, 10);
        else if (!strcmp(argv[n], "calls")) calls_file = value;
        else if (!strcmp(argv[n], "trace")) trace_file = value;
        else die(argv[n]);
    }
    load_calls();
    if (*trace_file && !(trace = fopen(trace_file, "w"))) die(trace_file);
    if ((epoll = epoll_create1(EPOLL_CLOEXEC)) < 0 || !connection_count) die("epoll");
    open_all();
    double cpu = cpu_s();
    began = now();
    if (!strcmp(mode, "closed")) run_closed();
    else if (!strcmp(mode, "open")) run_open();
    else if (!strcmp(mode, "wave")) { run_wave(); return 0; }
    else die("mode must be closed, open or wave");
    cpu = cpu_s() - cpu;
    if (trace) fclose(trace);
    print_result(cpu);
    return 0;
}
