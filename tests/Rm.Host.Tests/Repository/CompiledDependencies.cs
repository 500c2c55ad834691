using System.Reflection;
using System.Reflection.Emit;

namespace Rm.Host.Tests.Repository;

/// <summary>
/// Which folder (namespace) of an assembly uses which other one, read from the compiled types: signatures, attributes aside, and every
/// method body. Constants are copied by the compiler and leave no trace.
/// </summary>
internal static class CompiledDependencies
{
    private const BindingFlags Everything =
        BindingFlags.Public | BindingFlags.NonPublic | BindingFlags.Instance | BindingFlags.Static | BindingFlags.DeclaredOnly;

    private static readonly Dictionary<short, OpCode> OpCodesByValue =
        typeof(OpCodes).GetFields(BindingFlags.Public | BindingFlags.Static).Select(field => (OpCode)field.GetValue(null)!)
            .ToDictionary(code => code.Value);

    /// <summary>Edges between namespaces, each with one example, "Type uses Type".</summary>
    public static IReadOnlyDictionary<(string From, string To), string> Of(Assembly assembly)
    {
        var edges = new Dictionary<(string, string), string>();
        foreach (Type type in assembly.GetTypes().Where(type => Folder(type) is not null))
        {
            foreach (Type used in Uses(type).SelectMany(Parts).Where(used => used.Assembly == assembly))
            {
                if (Folder(used) is { } to && to != Folder(type))
                {
                    edges.TryAdd((Folder(type)!, to), $"{Outermost(type).Name} uses {Outermost(used).Name}");
                }
            }
        }

        return edges;
    }

    /// <summary>Groups of folders that use one another in a circle, each as a line with its edges.</summary>
    public static IReadOnlyList<string> Cycles(IReadOnlyDictionary<(string From, string To), string> edges)
    {
        var reach = edges.Keys.SelectMany(edge => new[] { edge.From, edge.To }).Distinct()
            .ToDictionary(folder => folder, folder => Reachable(folder, edges.Keys), StringComparer.Ordinal);
        return [.. edges.Where(edge => reach[edge.Key.To].Contains(edge.Key.From))
            .Select(edge => $"{edge.Key.From} -> {edge.Key.To}: {edge.Value}")];
    }

    private static HashSet<string> Reachable(string start, IEnumerable<(string From, string To)> edges)
    {
        var found = new HashSet<string>(StringComparer.Ordinal);
        var open = new Stack<string>([start]);
        while (open.TryPop(out string? at))
        {
            foreach ((string _, string to) in edges.Where(edge => edge.From == at))
            {
                if (found.Add(to))
                {
                    open.Push(to);
                }
            }
        }

        return found;
    }

    private static IEnumerable<Type> Uses(Type type)
    {
        IEnumerable<Type?> declared =
        [
            type.BaseType, .. type.GetInterfaces(), .. type.GetFields(Everything).Select(field => field.FieldType),
            .. type.GetProperties(Everything).Select(property => property.PropertyType),
        ];
        return declared.OfType<Type>().Concat(
            type.GetMethods(Everything).Cast<MethodBase>().Concat(type.GetConstructors(Everything))
                .SelectMany(method => Signature(method).Concat(Body(method))));
    }

    private static IEnumerable<Type> Signature(MethodBase method)
    {
        IEnumerable<Type> parameters = method.GetParameters().Select(parameter => parameter.ParameterType);
        return method is MethodInfo info ? parameters.Append(info.ReturnType) : parameters;
    }

    private static IEnumerable<Type> Body(MethodBase method)
    {
        if (method.GetMethodBody() is not { } body || body.GetILAsByteArray() is not { } il)
        {
            return [];
        }

        var used = new List<Type>(body.LocalVariables.Select(local => local.LocalType));
        Type[]? typeArguments = method.DeclaringType!.IsGenericType ? method.DeclaringType.GetGenericArguments() : null;
        Type[]? methodArguments = method.IsGenericMethod ? method.GetGenericArguments() : null;
        int at = 0;
        while (at < il.Length)
        {
            short value = il[at] == 0xFE ? (short)(0xFE00 | il[at + 1]) : il[at];
            OpCode code = OpCodesByValue[value];
            at += code.Size;
            if (code.OperandType is OperandType.InlineMethod or OperandType.InlineType or OperandType.InlineField or OperandType.InlineTok)
            {
                MemberInfo member = method.Module.ResolveMember(BitConverter.ToInt32(il, at), typeArguments, methodArguments)!;
                used.Add(member as Type ?? member.DeclaringType!);
                if (member is MethodInfo called)
                {
                    used.AddRange(called.IsGenericMethod ? [called.ReturnType, .. called.GetGenericArguments()] : [called.ReturnType]);
                }
            }

            at += OperandSize(code, il, at);
        }

        return used;
    }

    private static int OperandSize(OpCode code, byte[] il, int at) => code.OperandType switch
    {
        OperandType.InlineNone => 0,
        OperandType.ShortInlineBrTarget or OperandType.ShortInlineI or OperandType.ShortInlineVar => 1,
        OperandType.InlineVar => 2,
        OperandType.InlineI8 or OperandType.InlineR => 8,
        OperandType.InlineSwitch => 4 + (4 * BitConverter.ToInt32(il, at)),
        _ => 4,
    };

    // A generic type and what it is made of, an array's or pointer's element.
    private static IEnumerable<Type> Parts(Type type) =>
        type.HasElementType ? Parts(type.GetElementType()!)
        : type.IsConstructedGenericType ? type.GetGenericArguments().SelectMany(Parts).Prepend(type.GetGenericTypeDefinition())
        : [type];

    private static Type Outermost(Type type) => type.DeclaringType is { } outer ? Outermost(outer) : type;

    // What the compiler adds by itself has no namespace, or one that is not ours.
    private static string? Folder(Type type) =>
        Outermost(type).Namespace is { } name && name.StartsWith("Rm.", StringComparison.Ordinal) ? name : null;
}
