using System.Numerics;
using Rm.Kernels.Ops;

namespace Rm.Kernels.Tests.References;

/// <summary>Arguments of a gated delta rule.</summary>
internal sealed record DeltaRuleInputs<T>(RealMatrix<T> Qkv, RealMatrix<T> A, RealMatrix<T> B, RealMatrix<T> ALog, RealMatrix<T> DtBias)
    where T : IBinaryFloatingPointIeee754<T>
{
    public DeltaRuleInputs<TOther> To<TOther>()
        where TOther : IBinaryFloatingPointIeee754<TOther> =>
        new(Qkv.To<TOther>(), A.To<TOther>(), B.To<TOther>(), ALog.To<TOther>(), DtBias.To<TOther>());

    /// <summary>Zeros of the same shapes.</summary>
    public DeltaRuleInputs<T> Zeros() => new(Zero(Qkv), Zero(A), Zero(B), Zero(ALog), Zero(DtBias));

    private static RealMatrix<T> Zero(RealMatrix<T> like) => new(like.Rows, like.Columns);
}

/// <summary>
/// The gated delta rule token by token, in the order of its definition: no chunks, no products of matrices. A prefix's own outputs come
/// from a run over the prefix alone; every tail runs from the very beginning.
/// </summary>
internal static class DeltaRuleReference<T>
    where T : IBinaryFloatingPointIeee754<T>
{
    public static RealMatrix<T> Forward(SequenceLayout layout, DeltaRuleShape shape, DeltaRuleInputs<T> inputs)
    {
        var o = new RealMatrix<T>(inputs.Qkv.Rows, shape.ValueColumns);
        foreach (Segment segment in layout.Segments)
        {
            (int[] rows, int own) = SegmentRows.Of(segment);
            for (int head = 0; head < shape.ValueHeads; head++)
            {
                var run = new Run(shape, inputs, rows, head);
                for (int t = own; t < rows.Length; t++)
                {
                    for (int c = 0; c < shape.ValueDim; c++)
                    {
                        o[rows[t], (head * shape.ValueDim) + c] = run.O[t, c];
                    }
                }
            }
        }

        return o;
    }

    public static DeltaRuleInputs<T> Backward(SequenceLayout layout, DeltaRuleShape shape, RealMatrix<T> dO, DeltaRuleInputs<T> inputs)
    {
        DeltaRuleInputs<T> d = inputs.Zeros();
        foreach (Segment segment in layout.Segments)
        {
            (int[] rows, int own) = SegmentRows.Of(segment);
            for (int head = 0; head < shape.ValueHeads; head++)
            {
                new Run(shape, inputs, rows, head).Backward(dO, own, d);
            }
        }

        return d;
    }

    /// <summary>One value head over one sequence, with every state kept.</summary>
    private sealed class Run
    {
        private readonly DeltaRuleShape _shape;
        private readonly DeltaRuleInputs<T> _inputs;
        private readonly int[] _rows;
        private readonly int _head;
        private readonly int _keyHead;
        private readonly RealMatrix<T>[] _states; // [t]: before token t
        private readonly RealMatrix<T> _u;

        public Run(DeltaRuleShape shape, DeltaRuleInputs<T> inputs, int[] rows, int head)
        {
            (_shape, _inputs, _rows, _head) = (shape, inputs, rows, head);
            _keyHead = head / (shape.ValueHeads / shape.KeyHeads);
            O = new RealMatrix<T>(rows.Length, shape.ValueDim);
            _u = new RealMatrix<T>(rows.Length, shape.ValueDim);
            _states = new RealMatrix<T>[rows.Length + 1];
            _states[0] = new RealMatrix<T>(shape.KeyDim, shape.ValueDim);
            for (int t = 0; t < rows.Length; t++)
            {
                Step(t);
            }
        }

        public RealMatrix<T> O { get; }

        // Only the outputs from row own on count here: the prefix's own are another segment's.
        public void Backward(RealMatrix<T> dO, int own, DeltaRuleInputs<T> d)
        {
            var g = new RealMatrix<T>(_shape.KeyDim, _shape.ValueDim);
            for (int t = _rows.Length - 1; t >= 0; t--)
            {
                (T[] q, T qScale) = Unit(t, _keyHead * _shape.KeyDim);
                (T[] k, T kScale) = Unit(t, KeyColumn);
                T[] dq = new T[_shape.KeyDim], dk = new T[_shape.KeyDim];
                T root = T.One / T.Sqrt(T.CreateChecked(_shape.KeyDim)), beta = Beta(t), decay = T.Exp(Gate(t)), dBeta = T.Zero,
                    dGate = T.Zero;
                for (int i = 0; i < _shape.KeyDim; i++)
                {
                    for (int c = 0; c < _shape.ValueDim; c++)
                    {
                        T output = t >= own ? dO[_rows[t], (_head * _shape.ValueDim) + c] : T.Zero;
                        g[i, c] += q[i] * root * output;
                        dq[i] += root * _states[t + 1][i, c] * output;
                    }
                }

                for (int c = 0; c < _shape.ValueDim; c++)
                {
                    T du = T.Zero, remembered = T.Zero;
                    for (int i = 0; i < _shape.KeyDim; i++)
                    {
                        du += g[i, c] * k[i];
                        remembered += decay * _states[t][i, c] * k[i];
                    }

                    dBeta += (V(t, c) - remembered) * du;
                    d.Qkv[_rows[t], ValueColumn + c] += beta * du;
                    for (int i = 0; i < _shape.KeyDim; i++)
                    {
                        dk[i] += (g[i, c] * _u[t, c]) - (beta * decay * _states[t][i, c] * du);
                        g[i, c] -= beta * k[i] * du;
                        dGate += decay * g[i, c] * _states[t][i, c];
                        g[i, c] *= decay;
                    }
                }

                FromUnit(t, _keyHead * _shape.KeyDim, q, qScale, dq, d);
                FromUnit(t, KeyColumn, k, kScale, dk, d);
                T x = _inputs.A[_rows[t], _head] + _inputs.DtBias[0, _head];
                T dx = dGate * -T.Exp(_inputs.ALog[0, _head]) / (T.One + T.Exp(-x));
                d.A[_rows[t], _head] += dx;
                d.DtBias[0, _head] += dx;
                d.ALog[0, _head] += dGate * Gate(t);
                d.B[_rows[t], _head] += dBeta * beta * (T.One - beta);
            }
        }

        private void Step(int t)
        {
            (T[] q, _) = Unit(t, _keyHead * _shape.KeyDim);
            (T[] k, _) = Unit(t, KeyColumn);
            T beta = Beta(t), decay = T.Exp(Gate(t)), root = T.One / T.Sqrt(T.CreateChecked(_shape.KeyDim));
            RealMatrix<T> before = _states[t], next = before.Map((_, _, s) => decay * s);
            for (int c = 0; c < _shape.ValueDim; c++)
            {
                T remembered = T.Zero;
                for (int i = 0; i < _shape.KeyDim; i++)
                {
                    remembered += next[i, c] * k[i];
                }

                _u[t, c] = beta * (V(t, c) - remembered);
                for (int i = 0; i < _shape.KeyDim; i++)
                {
                    next[i, c] += k[i] * _u[t, c];
                    O[t, c] += next[i, c] * q[i] * root;
                }
            }

            _states[t + 1] = next;
        }

        private int KeyColumn => (_shape.KeyHeads + _keyHead) * _shape.KeyDim;

        private int ValueColumn => (2 * _shape.KeyHeads * _shape.KeyDim) + (_head * _shape.ValueDim);

        private T V(int t, int c) => _inputs.Qkv[_rows[t], ValueColumn + c];

        private T Beta(int t) => T.One / (T.One + T.Exp(-_inputs.B[_rows[t], _head]));

        private T Gate(int t)
        {
            T x = _inputs.A[_rows[t], _head] + _inputs.DtBias[0, _head];
            T softplus = T.Max(x, T.Zero) + T.LogP1(T.Exp(-T.Abs(x)));
            return -T.Exp(_inputs.ALog[0, _head]) * softplus;
        }

        private (T[] Unit, T Scale) Unit(int t, int column)
        {
            T squares = T.CreateChecked(_shape.Epsilon);
            for (int i = 0; i < _shape.KeyDim; i++)
            {
                squares += _inputs.Qkv[_rows[t], column + i] * _inputs.Qkv[_rows[t], column + i];
            }

            T scale = T.One / T.Sqrt(squares);
            return ([.. Enumerable.Range(0, _shape.KeyDim).Select(i => scale * _inputs.Qkv[_rows[t], column + i])], scale);
        }

        private void FromUnit(int t, int column, T[] unit, T scale, T[] gradient, DeltaRuleInputs<T> d)
        {
            T along = T.Zero;
            for (int i = 0; i < unit.Length; i++)
            {
                along += unit[i] * gradient[i];
            }

            for (int i = 0; i < unit.Length; i++)
            {
                d.Qkv[_rows[t], column + i] += scale * (gradient[i] - (unit[i] * along));
            }
        }
    }
}
