%% How does OTP do each row?  erl -noshell -run otp main ROW SIZE
%% Prints one "metric KEY VALUE" line for each metric of the row.
-module(otp).
-behaviour(gen_server).
-export([main/1, start_link/1, start_crasher/1]).
-export([init/1, handle_call/3, handle_cast/2, handle_info/2]).

main([Row, Size]) ->
    spawn(fun() ->
        try measure(Row, list_to_integer(Size)) of
            Values ->
                [io:format("metric ~s ~w~n", [Key, Value]) || {Key, Value} <- Values],
                erlang:halt(0)
        catch Class:Reason:Stack ->
            io:format(standard_error, "~p~n", [{Class, Reason, Stack}]),
            erlang:halt(1)
        end
    end).

%% --- rows ---------------------------------------------------------------------------------------

measure("tell", Size) ->
    _ = tell(max(Size div 10, 1), 1),
    [{rate, Size / tell(Size, 1)}];
measure("fan_in", Size) ->
    _ = tell(max(Size div 10, 4), 4),
    [{rate, Size div 4 * 4 / tell(Size, 4)}];
measure("ask", Size) ->
    {ok, Echo} = start_link(echo),
    ask(Echo, Size div 10, infinity),
    [{rate, Size / seconds(fun() -> ask(Echo, Size, infinity) end)}];
measure("ask_timeout", Size) ->
    {ok, Echo} = start_link(echo),
    ask(Echo, Size div 10, 5000),
    Elapsed = seconds(fun() -> ask(Echo, Size, 5000) end),
    [{rate, Size / Elapsed}, {late, worst_lateness(sleep)}, {late_busy, worst_lateness(spin)}];
measure("ping_pong", Size) ->
    _ = ping_pong(max(Size div 10, 1)),
    [{rate, Size / ping_pong(Size)}];
measure("spawn", Size) ->
    [{rate, Size / spawn_children(simple_one_for_one, Size)},
     {named, Size / spawn_children(one_for_one, Size)}];
measure("stop", Size) ->
    [{rate, Size / stop_parent(one_for_one, Size)},
     {any_order, Size / stop_parent(simple_one_for_one, Size)}];
measure("crash", Size) ->
    Logged = crash(Size),
    ok = logger:set_primary_config(level, none),
    Burst = max(Size div 20, 1),
    [{logged, Size / Logged}, {quiet, Size / crash(Size)}, {burst, Burst / crash(Burst)}];
measure("memory", Size) ->
    {ok, Crew} = supervisor:start_link(?MODULE, {crew, simple_one_for_one}),
    start_children(Crew, simple_one_for_one, 100),
    garbage_collect(), garbage_collect(Crew),
    {Resident, Own} = {status("VmRSS"), erlang:memory(total)},
    start_children(Crew, simple_one_for_one, Size),
    garbage_collect(), garbage_collect(Crew),
    [{bytes, (status("VmRSS") - Resident) / Size}, {own_account, (erlang:memory(total) - Own) / Size}];
measure("blocked", Size) ->
    Refs = [element(2, start_link({blocked, self()})) || _ <- lists:seq(1, Size)],
    [{seconds, seconds(fun() -> tell_each(Refs, 1000), await(Size) end)}];
measure("million", Size) ->
    {ok, Crew} = supervisor:start_link(?MODULE, {crew, simple_one_for_one}),
    Driver = self(),
    Build = seconds(fun() -> start_children(Crew, {simple_one_for_one, {once, Driver}}, Size) end),
    Refs = [Pid || {_, Pid, _, _} <- supervisor:which_children(Crew)],
    Tell = seconds(fun() -> tell_each(Refs, once), await(Size) end),
    Stop = seconds(fun() -> stop_supervisor(Crew) end),
    [{build, Build}, {tell, Tell}, {stop, Stop}, {peak, status("VmHWM")}];
measure("idle", Size) ->
    {ok, Crew} = supervisor:start_link(?MODULE, {crew, simple_one_for_one}),
    start_children(Crew, simple_one_for_one, Size),
    timer:sleep(1000),
    Before = cpu(),
    timer:sleep(5000),
    [{cpu, (cpu() - Before) / 5}];
measure("scale", Size) ->
    {ok, Crew} = supervisor:start_link(?MODULE, {crew, simple_one_for_one}),
    Resident = status("VmRSS"),
    Spawn = seconds(fun() -> start_children(Crew, simple_one_for_one, Size) end),
    Bytes = status("VmRSS") - Resident,
    Stop = seconds(fun() -> stop_supervisor(Crew) end),
    [{spawn, Spawn / Size}, {bytes, Bytes / Size}, {stop, Stop / Size}].

tell(Size, Senders) ->
    Share = Size div Senders,
    {ok, Counter} = start_link({counter, Share * Senders, self()}),
    Tellers = [spawn_link(fun() -> receive go -> cast_many(Counter, Share) end end) || _ <- lists:seq(1, Senders)],
    seconds(fun() -> [Teller ! go || Teller <- Tellers], await(1) end).

cast_many(_, 0) -> ok;
cast_many(Counter, Left) -> gen_server:cast(Counter, Left), cast_many(Counter, Left - 1).

ask(_, 0, _) -> ok;
ask(Echo, Left, Timeout) -> gen_server:call(Echo, Left, Timeout), ask(Echo, Left - 1, Timeout).

worst_lateness(How) -> lists:max([lateness(How) || _ <- lists:seq(1, 5)]).

lateness(How) ->
    {ok, Slow} = start_link(echo),
    Elapsed = seconds(fun() -> {'EXIT', {timeout, _}} = (catch gen_server:call(Slow, How, 200)) end),
    unlink(Slow),
    exit(Slow, kill),
    (Elapsed - 0.2) * 1000.

ping_pong(Size) ->
    {ok, Ping} = start_link({player, self()}),
    {ok, Pong} = start_link({player, self()}),
    seconds(fun() -> gen_server:cast(Ping, {Pong, Size - 1}), await(1) end).

spawn_children(Strategy, Size) ->
    {ok, Crew} = supervisor:start_link(?MODULE, {crew, Strategy}),
    seconds(fun() -> start_children(Crew, Strategy, Size) end).

start_children(_, _, 0) -> ok;
start_children(Crew, {simple_one_for_one, State} = How, Left) ->
    {ok, _} = supervisor:start_child(Crew, [State]),
    start_children(Crew, How, Left - 1);
start_children(Crew, simple_one_for_one, Left) ->
    {ok, _} = supervisor:start_child(Crew, [idle]),
    start_children(Crew, simple_one_for_one, Left - 1);
start_children(Crew, one_for_one, Left) ->
    {ok, _} = supervisor:start_child(Crew, #{id => Left, start => {?MODULE, start_link, [idle]}}),
    start_children(Crew, one_for_one, Left - 1).

stop_parent(Strategy, Size) ->
    {ok, Crew} = supervisor:start_link(?MODULE, {crew, Strategy}),
    start_children(Crew, Strategy, Size),
    seconds(fun() -> stop_supervisor(Crew) end).

stop_supervisor(Crew) ->
    unlink(Crew),
    Monitor = monitor(process, Crew),
    exit(Crew, shutdown),
    receive {'DOWN', Monitor, process, Crew, _} -> ok end.

crash(Size) ->
    {ok, Crew} = supervisor:start_link(?MODULE, {crew, crash}),
    Spec = #{id => crasher, start => {?MODULE, start_crasher, [self()]}},
    {ok, _} = supervisor:start_child(Crew, Spec),
    receive {begun, First} -> ok end,
    Elapsed = seconds(fun() -> crash_loop(First, Size) end),
    stop_supervisor(Crew),
    Elapsed.

crash_loop(_, 0) -> ok;
crash_loop(Child, Left) ->
    gen_server:cast(Child, crash),
    receive {begun, Next} -> crash_loop(Next, Left - 1) end.

tell_each(Refs, Message) -> [gen_server:cast(Ref, Message) || Ref <- Refs], ok.

await(0) -> ok;
await(Left) -> receive done -> await(Left - 1) end.

%% --- measuring ----------------------------------------------------------------------------------

seconds(Work) ->
    Begun = erlang:monotonic_time(microsecond),
    Work(),
    (erlang:monotonic_time(microsecond) - Begun) / 1.0e6.

cpu() -> element(1, erlang:statistics(runtime)).

%% A line of /proc/PID/status, in bytes: VmRSS is what is resident now, VmHWM the highest so far.
status(Key) ->
    {ok, Text} = file:read_file("/proc/" ++ os:getpid() ++ "/status"),
    {match, [Kib]} = re:run(Text, Key ++ ":\\s+(\\d+) kB", [{capture, all_but_first, list}]),
    list_to_integer(Kib) * 1024.

%% --- the servers and the supervisor -------------------------------------------------------------

start_link(State) -> gen_server:start_link(?MODULE, State, []).

start_crasher(Driver) -> gen_server:start_link(?MODULE, {crasher, Driver}, []).

init({crew, simple_one_for_one}) ->
    {ok, {#{strategy => simple_one_for_one}, [#{id => child, start => {?MODULE, start_link, []}}]}};
init({crew, one_for_one}) ->
    {ok, {#{strategy => one_for_one}, []}};
init({crew, crash}) ->
    {ok, {#{strategy => one_for_one, intensity => 1000000, period => 1}, []}};
init({counter, Last, Driver}) ->
    {ok, {counter, 0, Last, Driver}};
init({crasher, Driver}) ->
    Driver ! {begun, self()},
    {ok, crasher};
init(State) ->
    {ok, State}.

handle_call(sleep, _From, State) -> timer:sleep(600), {reply, ok, State};
handle_call(spin, _From, State) -> spin(), {reply, ok, State};
handle_call(Message, _From, State) -> {reply, Message, State}.

handle_cast(_, {counter, Seen, Last, Driver}) when Seen + 1 =:= Last ->
    Driver ! done,
    {noreply, {counter, Last, Last, Driver}};
handle_cast(_, {counter, Seen, Last, Driver}) ->
    {noreply, {counter, Seen + 1, Last, Driver}};
handle_cast({_, 0}, {player, Driver} = State) ->
    Driver ! done,
    {noreply, State};
handle_cast({Partner, Left}, {player, _} = State) ->
    gen_server:cast(Partner, {self(), Left - 1}),
    {noreply, State};
handle_cast(Milliseconds, {blocked, Driver} = State) ->
    timer:sleep(Milliseconds),
    Driver ! done,
    {noreply, State};
handle_cast(once, {once, Driver} = State) ->
    Driver ! done,
    {noreply, State};
handle_cast(crash, crasher) ->
    error(crash).

handle_info(_, State) -> {noreply, State}.

spin() -> spin().
